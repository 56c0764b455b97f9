"""Days of odd length, hours that come twice or never, leap days, weeks 53: found by looking at the clock."""

import datetime as dt
import re
from bisect import bisect_right
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import clocks
from clocks import DAY_MS, HOUR_MS, MINUTE_MS

from footfall.usage.intervals import intervals

AS_OF_MS = 5_000_000_000_000
INTERVALS = ("hour", "day", "week", "month")
# What is odd about a zone near a date.
CASES = (
    *(("UTC", date) for date in ("2020-12-31", "2021-01-03", "2024-02-29", "2023-02-28", "2100-02-28", "2027-01-02")),
    *(("America/New_York", date) for date in ("2024-03-10", "2024-11-03", "2020-02-29")),
    *(("Europe/Berlin", date) for date in ("2024-03-31", "2024-10-27", "1980-04-06")),
    # Half an hour; by which the hour is cut.
    *(("Australia/Lord_Howe", date) for date in ("2024-04-07", "2024-10-06")),
    # From 5:30 to 5:45 ahead of UTC.
    ("Asia/Kathmandu", "1986-01-01"),
    # The day that there was not.
    ("Pacific/Apia", "2011-12-30"),
    # Winter time in Ramadan, and a month that begins with it.
    *(("Africa/Casablanca", date) for date in ("2024-03-10", "2024-04-14", "2030-12-29")),
    # Midnight that there was not; and clocks that went back at midnight, or at one minute after it.
    *(("America/Sao_Paulo", date) for date in ("2018-11-04", "2018-02-18")),
    *(("Asia/Beirut", date) for date in ("2022-03-27", "2022-10-30")),
    *(("America/Havana", date) for date in ("2024-03-10", "2024-11-03")),
    ("America/St_Johns", "2006-10-29"),
    # A month that began twice.
    ("Asia/Gaza", "2012-09-21"),
)


# The intervals from one time to another, by when they begin.
STARTS = """
# Put forward, and back.
Europe/Berlin  hour  2024-03-31T00:30Z  2024-03-31T01:30Z  01:00+01:00 03:00+02:00
Europe/Berlin  hour  2024-10-27T00:30Z  2024-10-27T02:00Z  02:00+02:00 02:00+01:00 03:00+01:00
America/New_York  hour  2024-11-03T05:30Z  2024-11-03T06:30Z  01:00-04:00 01:00-05:00
# Half an hour: the hour of 1:00 is cut after half an hour, and 2:00 is skipped to 2:30.
Australia/Lord_Howe  hour  2024-04-06T14:30Z  2024-04-06T15:30Z  01:00+11:00 01:30+10:30 02:00+10:30
Australia/Lord_Howe  hour  2024-10-05T15:00Z  2024-10-05T16:10Z  01:00+10:30 02:30+11:00 03:00+11:00
Asia/Kathmandu  hour  1985-12-31T17:40Z  1985-12-31T18:40Z  23:00+05:30 00:15+05:45
Africa/Casablanca  hour  2024-03-10T01:30Z  2024-03-10T02:30Z  02:00+01:00 02:00+00:00
# Midnight is skipped, or comes twice.
America/Sao_Paulo  day  2018-11-03T12:00Z  2018-11-04T12:00Z  2018-11-03T00:00-03:00 2018-11-04T01:00-02:00
Asia/Beirut  day  2022-03-26T12:00Z  2022-03-27T12:00Z  2022-03-26T00:00+02:00 2022-03-27T01:00+03:00
America/St_Johns  day  2006-10-28T12:00Z  2006-10-29T12:00Z  2006-10-28T00:00-02:30 2006-10-29T00:00-02:30
# A date that there was not.
Pacific/Apia  day  2011-12-29T12:00-10:00  2011-12-31T12:00+14:00  2011-12-29T00:00-10:00 2011-12-31T00:00+14:00
Pacific/Apia  week  2011-12-29T12:00-10:00  2012-01-02T12:00+14:00  2011-12-26T00:00-10:00 2012-01-02T00:00+14:00
# The weeks 53 of 2020 and 1 of 2021, and the week 1 of 2025, which begins in 2024.
UTC  week  2020-12-31T00:00Z  2021-01-04T00:00Z  2020-12-28T00:00Z 2021-01-04T00:00Z
Europe/Berlin  week  2024-12-29T22:59Z  2024-12-29T23:00Z  2024-12-23T00:00+01:00 2024-12-30T00:00+01:00
# A leap day is a day of February; 2100 has none.
UTC  month  2024-02-29T23:59Z  2024-03-01T00:00Z  2024-02-01T00:00Z 2024-03-01T00:00Z
UTC  day  2100-02-28T12:00Z  2100-03-01T12:00Z  2100-02-28T00:00Z 2100-03-01T00:00Z
"""
# What a period is compared with: its first and its last instant.
PERIODS = """
# A leap day is compared with the day before its own end of February, and no date with a leap day but its own.
UTC  year  2024-02-29  2024-02-29  2023-02-28T00:00Z  2023-02-28T23:59:59.999Z
UTC  year  2024-02-01  2024-02-29  2023-02-01T00:00Z  2023-02-28T23:59:59.999Z
UTC  year  2025-02-28  2025-02-28  2024-02-28T00:00Z  2024-02-28T23:59:59.999Z
UTC  year  2025-02-01  2025-03-31  2024-02-01T00:00Z  2024-03-31T23:59:59.999Z
UTC  previous  2024-03-01  2024-03-31  2024-01-30T00:00Z  2024-02-29T23:59:59.999Z
UTC  previous  2023-03-01  2023-03-01  2023-02-28T00:00Z  2023-02-28T23:59:59.999Z
# A day of 23 hours, and one of 25: the year before they had 24; the period before is as long.
Europe/Berlin  year  2024-03-31  2024-03-31  2023-03-31T00:00+02:00  2023-03-31T23:59:59.999+02:00
Europe/Berlin  previous  2024-03-31  2024-03-31  2024-03-30T01:00+01:00  2024-03-30T23:59:59.999+01:00
Europe/Berlin  previous  2024-10-27  2024-10-27  2024-10-25T23:00+02:00  2024-10-26T23:59:59.999+02:00
# Times that the clock skipped the year before, and that it showed twice.
Europe/Berlin  year  2024-03-26T02:30  2024-03-26T04:00  2023-03-26T03:00+02:00  2023-03-26T04:00+02:00
Europe/Berlin  year  2024-03-26T00:00  2024-03-26T02:30  2023-03-26T00:00+01:00  2023-03-26T01:59:59.999+01:00
Europe/Berlin  year  2024-10-29T02:30  2024-10-29T05:00  2023-10-29T02:30+02:00  2023-10-29T05:00+01:00
America/Sao_Paulo  year  2019-11-04  2019-11-04  2018-11-04T01:00-02:00  2018-11-04T23:59:59.999-02:00
# The date that there was not is an empty period.
Pacific/Apia  year  2012-12-30  2012-12-30  2011-12-31T00:00+14:00  2011-12-29T23:59:59.999-10:00
Pacific/Apia  year  2012-12-29  2012-12-31  2011-12-29T00:00-10:00  2011-12-31T23:59:59.999+14:00
Africa/Casablanca  year  2025-03-10T02:30  2025-03-10T03:30  2024-03-10T02:30+01:00  2024-03-10T03:30+00:00
# Week 53 of 2020 has the dates of the year before.
UTC  year  2020-12-28  2021-01-03  2019-12-28T00:00Z  2020-01-03T23:59:59.999Z
"""


def rows(table: str) -> list[str]:
    return [line for line in table.splitlines() if line and not line.startswith("#")]


def ms(text: str) -> int:
    """The instant of a text, which has its offset from UTC."""
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


class Clock(NamedTuple):
    """When the intervals of a zone begin near a date: `begins` by their kind."""

    zone: str
    first_ms: int
    last_ms: int
    begins: dict[str, list[int]]

    def start(self, interval: str, time_ms: int) -> int:
        starts = self.begins[interval]
        return starts[bisect_right(starts, time_ms) - 1]


def watch(zone: str, date: str) -> Clock:
    """Look at the clock each minute for some days, and each quarter of an hour for some weeks around them.

    A day, week or month begins when the clock shows a later one than ever.
    """
    timezone, day = ZoneInfo(zone), ms(f"{date}T00:00Z")
    begins: dict[str, list[int]] = {name: [] for name in INTERVALS}
    latest: dict[str, Any] = {}
    quarters, minutes = 15 * MINUTE_MS, 3 * DAY_MS
    times = (
        *range(day - 45 * DAY_MS, day - minutes, quarters),
        *range(day - minutes, day + minutes, MINUTE_MS),
        *range(day + minutes, day + 20 * DAY_MS, quarters),
    )
    for time_ms in times:
        shown = clocks.local(timezone, time_ms)
        for name in INTERVALS:
            now = clocks.name_of(shown, name)
            if name not in latest or (now != latest[name] if name == "hour" else now > latest[name]):
                begins[name].append(time_ms)
                latest[name] = now
    # The first of each is where the looking began.
    return Clock(zone, day - 10 * DAY_MS, day + 9 * DAY_MS, {name: starts[1:] for name, starts in begins.items()})


class Case(NamedTuple):
    """A clock that was watched, and who acted when: at the first and the last instant of each day and of some hours."""

    clock: Clock
    product: str
    actors: dict[int, str]

    @property
    def asked(self) -> dict[str, Any]:
        """What each question has."""
        return {"product": self.product, "timezone": self.clock.zone, "asOf": AS_OF_MS, "key": "context1"}


def make_case(zone: str, date: str, number: int) -> Case:
    """`b` acts on each third day, `a` on all of them."""
    clock, day = watch(zone, date), ms(f"{date}T00:00Z")
    days = [start for start in clock.begins["day"] if clock.first_ms <= start <= clock.last_ms]
    hours = [start for start in clock.begins["hour"] if abs(start - day) < 2 * DAY_MS]
    times = sorted({each + by for each in (*days, *hours) for by in (-1, 0)})
    numbers = {start: at for at, start in enumerate(clock.begins["day"])}
    who = {time_ms: "a" if numbers[clock.start("day", time_ms)] % 3 else "ab" for time_ms in times}
    return Case(clock, f"P{number}", who)


async def test_numbers_are_of_the_intervals_that_the_clock_shows(place: Any) -> None:
    cases = [make_case(*case, number) for number, case in enumerate(CASES)]
    for case in cases:
        _check_intervals(case.clock)
    place.load(
        *(
            {"product": case.product, "timestamp": at, "context": [who], "type": who}
            for case in cases
            for at, each in case.actors.items()
            for who in each
        )
    )
    for number, case in enumerate(cases):
        await _check_counts(place, case, INTERVALS[number % 4])
        await _check_rolling(place, case)
        await _check_retention(place, case, INTERVALS[1 + number % 3])


def _check_intervals(clock: Clock) -> None:
    """The bounds that statements are told, for each quarter of an hour, and around each beginning."""
    for name in INTERVALS:
        found = intervals(name, ZoneInfo(clock.zone), clock.first_ms, clock.last_ms)
        starts = [each for each in clock.begins[name] if clock.start(name, clock.first_ms) <= each <= clock.last_ms]
        assert found.starts_between(clock.first_ms, clock.last_ms) == starts
        edges = (each + by for each in starts for by in (-1, 0, 1) if clock.first_ms <= each + by <= clock.last_ms)
        for time_ms in (*range(clock.first_ms, clock.last_ms, HOUR_MS // 4), *edges):
            assert found.start_of(time_ms) == clock.start(name, time_ms), clock.zone


async def _check_counts(place: Any, case: Case, name: str) -> None:
    """Each interval from the first to the last is there, those without events too."""
    clock, actors = case.clock, case.actors
    given = {"interval": name, "by": "none", "fill": "true", "start": clock.first_ms, "end": clock.last_ms}
    counts = await place.count(**case.asked, **given)
    expected = {each: 0 for each in clock.begins[name] if clock.start(name, clock.first_ms) <= each <= clock.last_ms}
    for time_ms, each in actors.items():
        if clock.first_ms <= time_ms <= clock.last_ms:
            expected[clock.start(name, time_ms)] += len(each)
    assert {row.start: row.events for row in counts.counts} == expected, clock.zone


async def _check_rolling(place: Any, case: Case) -> None:
    """By dates of the clock: a date that there was not is one of them."""
    clock, actors = case.clock, case.actors
    uniques = await place.ask("uniques", **case.asked, rolling="2")

    def date_of(time_ms: int) -> dt.date:
        return clocks.local(ZoneInfo(clock.zone), clock.start("day", time_ms)).date()

    acted: dict[dt.date, set[str]] = {}
    for time_ms, each in actors.items():
        acted.setdefault(date_of(time_ms), set()).update(each)
    starts = {clock.start("day", time_ms) for time_ms in actors}
    assert {row.start: row.uniques for row in uniques.uniques} == {each: len(acted[date_of(each)]) for each in starts}
    assert {row.start: row.uniques for row in uniques.rolling[0].uniques} == {
        each: len(acted[date_of(each)] | acted.get(date_of(each) - dt.timedelta(days=1), set())) for each in starts
    }, clock.zone


async def _check_retention(place: Any, case: Case, name: str) -> None:
    """Periods begin where intervals do; the last is not over, unless it ends with the selection."""
    clock = case.clock
    asked = {"interval": name, "first": "b", "returning": "b", "end": clock.last_ms, "periods": 100}
    retention = await place.ask("retention", **case.asked, **asked)
    acted = [time_ms for time_ms, each in case.actors.items() if "b" in each and time_ms <= clock.last_ms]
    (cohort,) = retention.retention
    first = clock.start(name, min(acted))
    starts = [each for each in clock.begins[name] if first <= each <= clock.last_ms]
    back = {clock.start(name, time_ms) for time_ms in acted}
    is_over = [*(True for _ in starts[1:]), clock.last_ms + 1 in clock.begins[name]]
    assert (cohort.start, cohort.actors) == (first, 1)
    assert [(each.start, each.actors, each.complete) for each in cohort.periods] == [
        (start, int(start in back), over) for start, over in zip(starts, is_over, strict=True)
    ], clock.zone


async def test_known_intervals(place: Any) -> None:
    table = [line.split() for line in rows(STARTS)]
    place.load(
        *(
            {"product": f"P{number}", "timestamp": ms(time)}
            for number, (_, _, first, last, *_) in enumerate(table)
            for time in (first, last)
        )
    )
    for number, (zone, interval, first, last, *starts) in enumerate(table):
        given = {"product": f"P{number}", "interval": interval, "timezone": zone, "fill": "true"}
        counts = await place.count(**given, start=ms(first), end=ms(last), asOf=AS_OF_MS)
        shown = [dt.datetime.fromtimestamp(row.start / 1000, ZoneInfo(zone)).isoformat() for row in counts.counts]
        expected = [(each if "T" in each else f"T{each}").replace("Z", "+00:00") for each in starts]
        assert len(shown) == len(expected), shown
        for found, each in zip(shown, expected, strict=True):
            assert re.sub(r":00(?=[+-])", "", found).endswith(each), shown


async def test_known_periods_before(place: Any) -> None:
    table = [line.split() for line in rows(PERIODS)]
    events = [
        {"product": f"P{number}", "timestamp": at}
        for number, (*_, first, last) in enumerate(table)
        for at in {ms(first) - 1, ms(first), ms(last), ms(last) + 1}
    ]
    place.load(*events)
    for number, (zone, compare, start, end, first, last) in enumerate(table):
        given = {"product": f"P{number}", "start": start, "end": end, "timezone": zone, "compare": compare}
        counts = await place.count(**given, interval="all", by="none", asOf=AS_OF_MS)
        assert (counts.compared.start, counts.compared.end) == (ms(first), ms(last)), given
        assert counts.compared.total.events == 2 * (ms(first) < ms(last)), given
