"""What statements are told of intervals, read in Python: the windows of schedules, in every zone there is."""

import datetime as dt
import zoneinfo
from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from footfall import windows
from footfall.usage.intervals import intervals

YEAR_MS = 365 * windows.DAY_MS


def all_zones() -> list[ZoneInfo]:
    """Every zone once, whatever its names are."""
    package = resources.files("tzdata") / "zoneinfo"
    unique = {package.joinpath(name).read_bytes(): name for name in zoneinfo.available_timezones()}
    return [ZoneInfo(name) for name in sorted(unique.values())]


def test_every_zone_and_change_since_1970_agrees_with_schedules() -> None:
    last_ms = 60 * YEAR_MS
    for zone in all_zones():  # a zone's changes are looked for once for both intervals
        for interval in ("hour", "day"):
            found = intervals(interval, zone, 0, last_ms)
            for change_ms in windows.changes(zone, 0, last_ms):
                for time_ms in (change_ms - 1, change_ms + 1_300_000):
                    assert found.start_of(time_ms) == windows.window(interval, zone, time_ms).start_ms, (zone, time_ms)


@pytest.mark.parametrize("interval", ["hour", "day", "month"])
def test_an_interval_is_known_by_its_first_and_last_event_alone(interval: str) -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    for time_ms in range(1_775_200_000_000, 1_775_400_000_000, 900_000):
        found = intervals(interval, zone, time_ms, time_ms)
        assert found.start_of(time_ms) == windows.window(interval, zone, time_ms).start_ms


def test_times_that_python_knows_no_dates_for_are_counted_all_the_same() -> None:
    zone, today = ZoneInfo("Asia/Tokyo"), dt.datetime(2026, 1, 1, 5, tzinfo=dt.UTC)
    today_ms = round(today.timestamp() * 1000)
    for least, most in (
        (today_ms, today_ms),
        (-(2**63), windows.LEAST_MS + YEAR_MS),
        (windows.MOST_MS - YEAR_MS, 2**63 - 1),
    ):
        found = intervals("month", zone, least, most)
        assert found.start_of(-(2**63)) == found.starts[0]
        assert found.start_of(2**63 - 1) == found.starts[-1]
