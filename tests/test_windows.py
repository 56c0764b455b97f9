"""Windows tile time, whatever the clocks of the world do."""

import datetime as dt
import subprocess
import sys
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footfall import windows
from footfall.windows import HOUR_MS, Window, window

# Half hours of daylight saving, midnights that are skipped or come twice, a whole day that never was, odd offsets.
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "America/Santiago",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "America/Scoresbysund",
)
TIMES = st.integers(946_684_800_000, 2_400_000_000_000)


def ms(text: str, zone: str = "UTC") -> int:
    found = dt.datetime.fromisoformat(text)
    return round((found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).timestamp() * 1000)


@given(st.sampled_from(windows.EVERY), st.sampled_from(ZONES), TIMES, st.floats(0, 1))
@example("day", "Pacific/Apia", ms("2011-12-30T10:00:00Z"), 0.5)
@example("day", "America/St_Johns", ms("2008-11-02T02:31:00Z"), 0.5)
@example("hour", "Australia/Lord_Howe", ms("2026-04-04T15:10:00Z"), 0.5)
@example("day", "America/Scoresbysund", ms("2024-03-31T01:10:00Z"), 0.5)
def test_windows_tile_time_without_gap_or_overlap(every: str, name: str, at_ms: int, part: float) -> None:
    zone = ZoneInfo(name)
    found = window(every, zone, at_ms)
    assert found.start_ms <= at_ms < found.end_ms
    assert window(every, zone, found.end_ms).start_ms == found.end_ms
    assert window(every, zone, found.start_ms - 1).end_ms == found.start_ms
    inside = found.start_ms + int(part * (found.end_ms - found.start_ms - 1))
    assert window(every, zone, inside) == found


@given(st.sampled_from(windows.EVERY), st.sampled_from(ZONES), st.integers(2001, 2037), st.integers(1, 12))
def test_windows_that_follow_each_other_cover_weeks_of_changing_clocks(
    every: str, name: str, year: int, month: int
) -> None:
    zone, at_ms = ZoneInfo(name), ms(f"{year}-{month:02}-01T00:00:00Z")
    begin = window(every, zone, at_ms)
    for _ in range(30):
        following = window(every, zone, begin.end_ms)
        assert following.start_ms == begin.end_ms < following.end_ms
        begin = following


def hours(found: Window) -> float:
    return (found.end_ms - found.start_ms) / HOUR_MS


@pytest.mark.parametrize(
    ("day", "length"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)], ids=["forward", "back", "plain"]
)
def test_a_day_is_as_long_as_the_clocks_make_it(day: str, length: int) -> None:
    found = window("day", ZoneInfo("Europe/Berlin"), ms(f"{day}T12:00:00", "Europe/Berlin"))
    assert found.start_ms == ms(f"{day}T00:00:00", "Europe/Berlin")
    assert hours(found) == length


def test_an_hour_that_occurs_twice_is_two_windows() -> None:
    zone = ZoneInfo("Europe/Berlin")
    first = window("hour", zone, ms("2026-10-25T00:30:00Z"))
    second = window("hour", zone, first.end_ms)
    assert [first, second] == [
        Window(ms("2026-10-25T02:00:00+02:00"), ms("2026-10-25T03:00:00+02:00")),
        Window(ms("2026-10-25T02:00:00+01:00"), ms("2026-10-25T03:00:00+01:00")),
    ]


def test_an_hour_that_is_skipped_is_none() -> None:
    zone = ZoneInfo("Europe/Berlin")
    before = window("hour", zone, ms("2026-03-29T01:30:00+01:00"))
    after = window("hour", zone, before.end_ms)
    assert (before.end_ms, hours(before), hours(after)) == (ms("2026-03-29T03:00:00+02:00"), 1, 1)


def test_an_hour_begins_where_the_local_clock_says_so() -> None:
    found = window("hour", ZoneInfo("Asia/Kathmandu"), ms("2026-06-01T12:00:00Z"))
    assert found.start_ms == ms("2026-06-01T17:00:00+05:45")


def test_clocks_that_change_by_half_an_hour_cut_an_hour() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    first = window("hour", zone, ms("2026-04-04T14:30:00Z"))
    second = window("hour", zone, first.end_ms)
    assert (hours(first), hours(second)) == (1, 0.5)
    assert hours(window("hour", zone, second.end_ms)) == 1


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    zone = ZoneInfo("America/New_York")
    week = window("week", zone, ms("2026-11-01T23:00:00", "America/New_York"))
    assert (week.start_ms, week.end_ms) == (
        ms("2026-10-26T00:00:00", "America/New_York"),
        ms("2026-11-02T00:00:00", "America/New_York"),
    )
    month = window("month", zone, ms("2028-02-10T00:00:00Z"))
    assert hours(month) == 29 * 24
    assert hours(window("month", zone, ms("2026-03-10T00:00:00Z"))) == 31 * 24 - 1


def test_a_midnight_that_is_skipped_begins_the_day_where_the_clocks_go_on() -> None:
    zone = ZoneInfo("Asia/Beirut")
    found = window("day", zone, ms("2022-03-27T12:00:00Z"))
    assert (hours(found), windows.day(zone, found.start_ms)) == (23, "2022-03-27")


def test_a_date_that_never_was_has_no_window() -> None:
    zone = ZoneInfo("Pacific/Apia")
    before = window("day", zone, ms("2011-12-29T12:00:00-10:00"))
    after = window("day", zone, before.end_ms)
    assert (hours(before), windows.day(zone, after.start_ms), hours(after)) == (24, "2011-12-31", 24)


@given(st.sampled_from(ZONES), TIMES)
def test_days_have_dates_of_their_own(name: str, at_ms: int) -> None:
    zone = ZoneInfo(name)
    found = window("day", zone, at_ms)
    assert windows.day(zone, found.start_ms) < windows.day(zone, found.end_ms)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "localtime", "Europe", "a\0b", "\u00fc", "x" * 300]
)
def test_what_is_no_time_zone(name: str) -> None:
    assert windows.zone(name) is None


def test_the_rules_are_those_of_the_package_whatever_the_machine_has(tmp_path: Path) -> None:
    stale = tmp_path / "Africa" / "Casablanca"
    stale.parent.mkdir()
    stale.write_bytes((resources.files("tzdata") / "zoneinfo" / "Etc" / "GMT+9").read_bytes())
    code = "from footfall import windows; print(windows.offset_ms(windows.zone('Africa/Casablanca'), 1760000000000))"
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONTZPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) == HOUR_MS


@pytest.mark.parametrize(
    ("text", "zone", "first", "last"),
    [
        ("2026-10-01", "UTC", "2026-10-01T00:00:00.000+00:00", "2026-10-01T23:59:59.999+00:00"),
        ("2026-10-01", "Europe/Berlin", "2026-09-30T22:00:00.000+00:00", "2026-10-01T21:59:59.999+00:00"),
        ("2026-10-01T08:00", "Europe/Berlin", "2026-10-01T06:00:00.000+00:00", None),
        ("2026-10-01T08:00:01.5", "UTC", "2026-10-01T08:00:01.500+00:00", None),
        ("2026-10-01T08:00Z", "Europe/Berlin", "2026-10-01T08:00:00.000+00:00", None),
        ("2026-10-01T08:00:00-05:30", "Europe/Berlin", "2026-10-01T13:30:00.000+00:00", None),
        # A day of 23 hours, and one of 25.
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000+00:00", "2026-03-29T21:59:59.999+00:00"),
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00.000+00:00", "2026-10-25T22:59:59.999+00:00"),
        # Skipped by the clocks: when they are put forward. Shown twice: the first time.
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00:00.000+00:00", None),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00.000+00:00", None),
        ("2026-10-25T02:30+01:00", "Europe/Berlin", "2026-10-25T01:30:00.000+00:00", None),
        # Midnight skipped.
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000+00:00", "2018-11-05T01:59:59.999+00:00"),
        ("-5", "Europe/Berlin", "1969-12-31T23:59:59.995+00:00", None),
    ],
)
def test_a_text_names_an_instant_and_a_date_its_whole_day(text, zone, first, last) -> None:
    for is_last, expected in ((False, first), (True, last or first)):
        found_ms = windows.parse_instant(text, windows.zone(zone), is_last=is_last)
        assert found_ms == windows._instant(dt.datetime.fromisoformat(expected))


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026-10", "2026-13-01", "2026-02-30", "2026-10-01 08:00", "2026-10-01T", "2026-10-01T24:00", "2026-W40"),
        *("2026-10-01Z", "2026-10-01T08:00:00.1234", "1.5", "yesterday", "1e5", "9" * 17, "\u0662026-10-01"),
    ],
)
def test_what_names_no_instant_is_none(text) -> None:
    zone = windows.zone("Asia/Tokyo")
    assert {windows.parse_instant(text, zone, is_last=last) for last in (False, True)} == {None}


def test_a_date_at_the_end_of_the_calendar_is_no_failure() -> None:
    assert windows.parse_instant("9999-12-31", windows.zone("UTC"), is_last=True) is None


@pytest.mark.parametrize("at_ms", [-windows.TIME_MS_MAX, -62_135_596_800_001, 253_402_300_800_000, windows.TIME_MS_MAX])
def test_a_time_outside_of_the_calendar_is_told_in_ms(at_ms: int) -> None:
    assert windows.local_text(ZoneInfo("Asia/Tokyo"), at_ms) == f"{at_ms} ms"
