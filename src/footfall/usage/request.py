"""The parameters of `GET /usage/counts`: parsed, with everything that is wrong named at once."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any, Literal, get_args

from msgspec import UNSET, Struct, UnsetType

from footfall import validation, windows
from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings

INTERVALS = ("hour", "day", "month", "all")
Duplicates = Literal["keep", "drop"]
DUPLICATES: tuple[Duplicates, ...] = get_args(Duplicates)
_TIME_MS_MIN, _TIME_MS_MAX = -(2**63), 2**63 - 1
_TIMEZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")


class CountsRequest(Struct, frozen=True, kw_only=True):
    """Which events to count, and how; times are in ms since 1970, `start` and `end` inclusive."""

    customer: str
    product: str
    types: tuple[str, ...]
    start: int | UnsetType
    end: int | UnsetType
    interval: str
    timezone: str
    duplicates: str
    as_of: int | UnsetType

    def selection(self, watermark_ms: int) -> dict[str, Any]:
        """The native parameters that select the events in all statements."""
        return {
            "customer": self.customer,
            "product": self.product,
            "types": list(self.types),
            "start": _TIME_MS_MIN if self.start is UNSET else self.start,
            "end": _TIME_MS_MAX if self.end is UNSET else self.end,
            "basis": "event",
            "received_start": 0,
            "received_end": 0,
            "since": -1,
            "watermark": watermark_ms,
        }


def parse_counts_request(given: Mapping[str, Sequence[str]], settings: Settings) -> CountsRequest:
    """Parse the query string's parameters. Raises RequestRefused, naming everything that is wrong."""
    reader = _ParameterReader(given, settings)
    timezone = reader.timezone()
    # Whether there is such a zone is checked before counting.
    zone = windows.zone(timezone) or UTC
    start, end = reader.time("start", zone), reader.time("end", zone, is_last=True)
    if start is not UNSET and end is not UNSET and start > end:
        reader.wrong("start", f"must not be later than end, {end}")
    request = CountsRequest(
        customer=reader.code("customer"),
        product=reader.code("product"),
        types=reader.types(),
        start=start,
        end=end,
        interval=reader.choice("interval", INTERVALS, "day"),
        timezone=timezone,
        duplicates=reader.choice("duplicates", DUPLICATES, "keep"),
        as_of=reader.time("asOf", zone, is_last=True),
    )
    reader.refuse()
    return request


class _ParameterReader:
    """Reads parameters and collects the problems with them; an empty parameter counts as not given."""

    def __init__(self, given: Mapping[str, Sequence[str]], settings: Settings) -> None:
        self._given = given
        self._settings = settings
        self._problems: list[Problem] = []

    def wrong(self, where: str, why: str) -> None:
        self._problems.append(Problem(Code.REQUEST_PARAMETER_MALFORMED, where, why))

    def refuse(self) -> None:
        """Raise RequestRefused when problems were found."""
        if self._problems:
            count = "one thing is" if len(self._problems) == 1 else f"{len(self._problems)} things are"
            problems = tuple(self._problems[: self._settings.problems_max])
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, f"this cannot be counted: {count} wrong", problems)

    def code(self, name: str) -> str:
        found = self._one(name)
        if not found:
            self.wrong(name, "is missing")
        elif len(found) > self._settings.code_chars_max:
            self.wrong(name, f"must have {self._settings.code_chars_max} characters at the most")
        return found

    def types(self) -> tuple[str, ...]:
        found = tuple(value for value in self._given.get("types", ()) if value)
        if len(found) > self._settings.filter_types_max:
            self.wrong("types", f"must be given {self._settings.filter_types_max} times at the most")
        elif any(len(value) > self._settings.code_chars_max for value in found):
            self.wrong("types", f"must have {self._settings.code_chars_max} characters at the most")
        return found

    def time(self, name: str, zone: tzinfo, *, is_last: bool = False) -> int | UnsetType:
        """A time; a plus that was not escaped in the URL arrives as a space."""
        found = self._one(name)
        if not found:
            return UNSET
        time_ms = windows.parse_instant(found.replace(" ", "+"), zone, is_last=is_last)
        if time_ms is not None and abs(time_ms) <= windows.TIME_MS_MAX:
            if mistake := validation.unit_mistake(name, time_ms):
                self.wrong(mistake.where, mistake.why)
            return time_ms
        self.wrong(name, windows.INSTANTS)
        return UNSET

    def timezone(self) -> str:
        """The name of a time zone; that the zone exists is checked before counting."""
        found = self._one("timezone") or "UTC"
        if not _TIMEZONE.fullmatch(found):
            self.wrong("timezone", "must be a name such as UTC or Europe/Berlin")
        return found

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        found = self._one(name) or default
        if found not in choices:
            self.wrong(name, f"must be one of: {', '.join(choices)}")
        return found

    def _one(self, name: str) -> str:
        found = self._given.get(name, ())
        if len(found) > 1:
            self.wrong(name, "must be given once")
        return found[0] if found else ""
