"""How schedules are shown, over HTTP and by the commands; times are ms since the epoch, ends are inclusive."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class NextWindow(Struct, frozen=True):
    """The window of the next report, and when that is started."""

    start: int
    end: int
    due: int


class ShownRun(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a window: its report, or one of its corrections, which count from 1."""

    start: int
    end: int
    correction: int
    status: str
    source: str
    tries: int
    earlier: list[str]
    late_events: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    next_look: int | UnsetType = UNSET


class ScheduleShown(Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule; `reason` says why it was paused by itself, `runs` is there where one schedule is asked for."""

    id: str
    user: str
    name: str
    every: str
    timezone: str
    grace_seconds: int
    correction_days: int
    correction: str
    paused: bool
    reason: str | UnsetType = UNSET
    created: int
    next: NextWindow
    filter: dict[str, Any]
    duplicates: str | UnsetType = UNSET
    output: dict[str, Any] | UnsetType = UNSET
    runs: list[ShownRun] | UnsetType = UNSET


class SchedulesPage(Struct, frozen=True):
    """Some schedules in the order of their ids; `next` is missing on the last page."""

    schedules: list[ScheduleShown]
    next: str | UnsetType = UNSET
