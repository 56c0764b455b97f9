"""Counting over time and by type, up to which moment, and for whom."""

from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import counted
import pytest

from footfall import windows
from footfall.errors import Code
from footfall.state import User

DAY_MS = 86_400_000
# 2024-03-31 was the day of 23 hours in Berlin.
SPRING_MS = 1_711_839_600_000


def rows(counts: Any) -> list[tuple[Any, ...]]:
    return [(row.start, row.type, row.events, row.duplicates) for row in counts.counts]


async def test_events_are_counted_by_interval_and_type(place, as_json) -> None:
    place.load(
        *({"timestamp": SPRING_MS + hours * 3_600_000, "type": kind} for hours in (0, 1, 22, 23) for kind in "TU"),
        {"timestamp": SPRING_MS, "type": "T", "customer": "D"},
        {"timestamp": SPRING_MS, "type": "T", "product": "Q"},
    )
    counts = await place.count(timezone="Europe/Berlin", asOf=1, types=["T"])
    assert as_json(counts) == {
        "asOf": 1,
        "complete": False,
        "interval": "day",
        "timezone": "Europe/Berlin",
        "duplicates": "keep",
        "exact": True,
        "link": "usage/counts?customer=C&product=P&timezone=Europe%2FBerlin&types=T&lateAfter=86400&asOf=1",
        "report": {
            "filter": {"customer": "C", "product": "P", "types": ["T"]},
            "output": {"asOf": 1},
            "duplicates": "keep",
        },
        "total": {"events": 4, "duplicates": 0, "late": 0},
        "counts": [
            {"start": SPRING_MS, "type": "T", "events": 3, "duplicates": 0, "late": 0},
            {"start": SPRING_MS + 23 * 3_600_000, "type": "T", "events": 1, "duplicates": 0, "late": 0},
        ],
    }
    everything = await place.count(interval="all", asOf=1)
    assert as_json(everything)["counts"] == [
        {"type": kind, "events": 4, "duplicates": 0, "late": 0} for kind in ("T", "U")
    ]
    assert place.state.nodes.all() == []


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut"],
)
@pytest.mark.parametrize("interval", ["hour", "day", "month"])
async def test_intervals_begin_where_the_zone_says(place, zone: str, interval: str) -> None:
    # Every seven hours of two years, with changes of the clock at midnight, and a day that never was.
    times = range(1_309_000_000_000, 1_372_000_000_000, 7 * 3_600_000 + 59_999)
    place.load(*({"timestamp": time_ms} for time_ms in times))
    counts = await place.count(timezone=zone, interval=interval, asOf=1)
    expected = counted.counted(({"timestamp": time_ms, "type": "T"} for time_ms in times), interval, zone)
    assert {(row.start, row.type): row.events for row in counts.counts} == expected
    assert [row.start for row in counts.counts] == sorted(row.start for row in counts.counts)


async def test_an_hour_is_cut_where_clocks_change_by_half_an_hour(place) -> None:
    place.load(*({"timestamp": time_ms} for time_ms in (1_775_319_000_000, 1_775_321_400_000)))
    counts = await place.count(timezone="Australia/Lord_Howe", interval="hour", asOf=1)
    assert [row.start for row in counts.counts] == [1_775_316_600_000, 1_775_320_200_000]


# Half hours, midnights that are skipped or come twice, a day that never was, seconds, winter time in Ramadan.
ODD_ZONES = (
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Africa/Monrovia",
)


async def test_intervals_are_the_windows_of_schedules_before_1970_too(place) -> None:
    first_ms, last_ms = -100_000_000_000, 150_000_000_000
    zones = [ZoneInfo(name) for name in ODD_ZONES]
    changes = {change for zone in zones for change in windows.changes(zone, first_ms, last_ms)}
    times = sorted({change + by for change in changes for by in (-1, 0, 1_300_000, 40_000_000)})
    place.load(*({"timestamp": time_ms} for time_ms in times))
    for zone in zones:
        for interval in ("hour", "day", "month"):
            counts = await place.count(timezone=zone.key, interval=interval, asOf=1)
            expected = Counter(windows.window(interval, zone, time_ms).start_ms for time_ms in times)
            assert {row.start: row.events for row in counts.counts} == expected, (zone, interval)


async def test_what_was_admitted_later_is_not_counted(place) -> None:
    place.load(*({"admitted": admitted} for admitted in (1, 2, 2, 3)))
    found = [(await place.count(asOf=as_of)).total.events for as_of in range(5)]
    assert found == [0, 1, 3, 4, 4]


async def test_without_a_moment_it_is_that_which_all_nodes_have_loaded(place) -> None:
    place.load(*({"admitted": admitted} for admitted in (10, 20, 30)))
    unknown = await place.count()
    assert (unknown.asOf, unknown.complete, unknown.total.events) == (place.now_ms, False, 3)
    place.state.nodes.put("a", 25, 0)
    place.state.nodes.put("b", 15, 0)
    counts = await place.count()
    assert (counts.asOf, counts.complete, counts.total.events) == (15, True, 1)
    for as_of, complete in ((15, True), (16, False)):
        assert (await place.count(asOf=as_of)).complete is complete


@pytest.mark.parametrize(("mode", "events"), [("keep", 6), ("drop", 4)])
async def test_duplicates_are_counted_and_dropped_on_request(place, mode: str, events: int) -> None:
    first, again = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    place.load(
        # Twice in one request: two events.
        {"batch": first, "sequence": 1, "admitted": 5},
        {"batch": first, "sequence": 2, "admitted": 5},
        # The same two again, in another request, with one that is new.
        {"batch": again, "sequence": 1, "admitted": 6},
        {"batch": again, "sequence": 2, "admitted": 6},
        {"batch": again, "sequence": 3, "admitted": 6, "context": ["b"]},
        {"batch": again, "sequence": 4, "admitted": 6, "type": "U"},
    )
    counts = await place.count(asOf=9, duplicates=mode, interval="all")
    assert (counts.duplicates, counts.total.events, counts.total.duplicates) == (mode, events, 2)
    assert [row[1:] for row in rows(counts)] == [("T", events - 1, 2), ("U", 1, 0)]
    # Before the second was admitted there were none.
    assert (await place.count(asOf=5)).total.duplicates == 0


async def test_only_customers_of_the_user_are_counted(place) -> None:
    user = User(id="ann", password_hash="", customers=("C",), created_ms=0)
    assert (await place.count(user)).total.events == 0
    assert (await place.refused(user=user, customer="D")).code is Code.REQUEST_AUTHORIZATION_FAILURE


async def test_an_unknown_zone_is_named(place) -> None:
    error = await place.refused(timezone="Europe/Bonn")
    assert (error.code, error.problems[0].where) == (Code.REQUEST_PARAMETER_MALFORMED, "timezone")


async def test_an_answer_has_its_bound(make_place) -> None:
    place = make_place(usage_rows_max=3)
    place.load(*({"timestamp": SPRING_MS + days * DAY_MS} for days in range(3)))
    assert len((await place.count(asOf=1)).counts) == 3
    place.load({"timestamp": SPRING_MS + 3 * DAY_MS})
    error = await place.refused(asOf=1)
    assert (error.code, error.problems[0].where) == (Code.REQUEST_PARAMETER_MALFORMED, "interval")
    assert len((await place.count(asOf=1, interval="all")).counts) == 1


async def test_without_the_store_nothing_is_counted(make_place) -> None:
    place = make_place(events_url="clickhouse://u:p@127.0.0.1:9/nowhere")
    error = await place.refused()
    assert (error.code, error.retry_after_s) == (Code.SERVICE_UNAVAILABLE, 5)


async def test_what_the_store_refuses_for_itself_is_not_put_off(place, monkeypatch) -> None:
    monkeypatch.setattr("footfall.usage.query.query", lambda _: "SELEC 1")
    error = await place.refused()
    assert (error.code, error.retry_after_s) == (Code.REQUEST_GENERAL_FAILURE, None)
    assert "as it would again" in str(error)


async def test_a_count_that_takes_too_long_says_how_to_make_it_shorter(place, monkeypatch) -> None:
    monkeypatch.setattr("footfall.usage.duplicates.time.monotonic", iter(range(0, 10**6, 100)).__next__)
    error = await place.refused()
    assert error.code is Code.SERVICE_UNAVAILABLE
    assert "start and end" in error.message


def statements(place, monkeypatch):
    """The first words of each statement that is run from now on."""
    run, found = place.store.rows, []
    monkeypatch.setattr(place.store, "rows", lambda text, *rest: found.append(text[:40]) or run(text, *rest))
    return found


async def test_an_answer_that_would_be_too_long_is_refused_before_the_work(make_place, monkeypatch):
    monkeypatch.setattr("footfall.usage.numbers.FEW_MAX", 15)
    place = make_place(usage_rows_max=10)
    place.load(*({"timestamp": place.now_ms + hour * 3_600_000} for hour in range(20)))
    ran = statements(place, monkeypatch)
    await place.refused(interval="hour")
    assert len(ran) == 5
    assert not any("duplicates between" in text for text in ran)
    # Two days are not too many: what may be too long by the months alone is looked at.
    assert (await place.count(interval="day")).total.events == 20


def fill_months(place, months: int, events: int) -> None:
    place.store.write(
        "INSERT INTO events (customer, product, type, version, timestamp, context, sequence, batch, received, admitted)"
        " SELECT 'C', 'P', 'T', '', 1577836800000 + intDiv(number, {each:UInt32}) * 2678400000 + number,"
        " ['a'], 1, generateUUIDv4(), 1, 1 FROM numbers({all:UInt32}) SETTINGS max_partitions_per_insert_block = 0",
        {"each": events, "all": months * events},
    )


async def test_events_of_many_months_are_compared_at_once(place, monkeypatch):
    fill_months(place, 3, 20_000)
    ran = statements(place, monkeypatch)
    assert (await place.count(interval="month")).total.events == 60_000
    # What the store has (twice and once), few events, the rollup, and all days of three months in one.
    assert len(ran) == 6


@pytest.mark.parametrize("interval", ["hour", "month", "all"])
async def test_a_few_events_of_many_months_are_counted_by_one_statement(place, monkeypatch, interval: str) -> None:
    fill_months(place, 60, 4)
    ran = statements(place, monkeypatch)
    assert (await place.count(interval=interval)).total.events == 240
    # Two that tell whether anything has come since the same question, the count, and the first of these once more.
    assert len(ran) == 4
    # Whatever share their times with events of another batch, which are looked at again alone.
    place.load(*({"timestamp": 1_577_836_800_000 + at * 1_339_200_000} for at in (0, 2, 2)), {"timestamp": 1})
    counts = await place.count(interval=interval)
    assert (counts.total.events, counts.total.duplicates) == (244, 2)
    assert len(ran) == 9


async def test_events_loaded_twice_are_few_once_and_no_duplicates(place, monkeypatch) -> None:
    batches = [f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2)]
    events = [{"timestamp": place.now_ms + n, "sequence": n + 1, "batch": batches[0]} for n in range(4)]
    again = {"timestamp": place.now_ms, "batch": batches[1], "admitted": 2}
    place.store.write("SYSTEM STOP MERGES events", {})
    for _ in range(3):
        place.load(*events, again)
    monkeypatch.setattr("footfall.usage.numbers.FEW_MAX", 5)
    ran = statements(place, monkeypatch)
    assert rows(await place.count(interval="all")) == rows(await place.count(interval="all", asOf=9))
    counts = await place.count(duplicates="drop")
    assert (counts.total.events, counts.total.duplicates) == (4, 1)
    # The second answer is the first, which one statement finds out.
    assert len(ran) == 5 + 1 + 5
