"""When something is an alert, and when it is told: over made-up counts, and over a real store with a real rollup."""

import random
from collections import Counter, defaultdict
from typing import Any

import pytest
import rolled_up as rolled

from footfall.alerts.activity import USUAL_DAYS, Activity, read_activity
from footfall.alerts.book import Book, read_book
from footfall.alerts.conditions import Alert, Requests, of_activity, of_lag, of_requests
from footfall.alerts.messages import GONE_LOOKS, note
from footfall.settings import Settings
from footfall.windows import DAY_MS, HOUR_MS

SETTINGS = Settings()
# Noon of a day, so that the hour before it is one hour of that day.
NOON_MS = 20_000 * DAY_MS + 12 * HOUR_MS


def activity(recent: int, lowest: Any = 30, highest: Any = 300, days: int = 7, **names: str) -> Activity:
    named = {"customer": "C", "product": "P", "type": "T", **names}
    return Activity(
        **named, recent=recent, lowest=dict.fromkeys(range(days), lowest), highest=dict.fromkeys(range(days), highest)
    )


def whole(recent: int, **changes: Any) -> Activity:
    return activity(recent, product="", type="", **changes)


def keys(*activities: Activity, **changes: Any) -> list[str]:
    return [alert.key for alert in of_activity(list(activities), Settings(**changes))]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (whole(0), ["silence customer=C"]),
        (whole(1), []),
        (whole(0, lowest=19), []),
        (whole(0, days=4), []),
        (whole(1_501), ["spike customer=C"]),
        (whole(1_500), []),
        (whole(999, highest=10), []),
        (whole(2_000, days=2), []),
    ],
)
def test_silence_and_spike_are_told_from_what_is_usual(one: Activity, expected: list[str]) -> None:
    assert keys(one) == expected


def test_a_type_is_told_of_where_the_customer_as_a_whole_is_as_usual() -> None:
    assert keys(whole(40), activity(0), activity(40, type="U")) == ["silence customer=C product=P type=T"]
    assert keys(activity(0), whole(0), whole(40, customer="D")) == ["silence customer=C"]
    assert keys(whole(1_510), activity(1_500, type="U", highest=100)) == ["spike customer=C"]
    assert keys(whole(1_500), activity(1_490, type="U", highest=100)) == ["spike customer=C product=P type=U"]


def test_each_condition_can_be_off() -> None:
    assert keys(activity(0), alert_silence_events=0) == []
    assert keys(activity(10**6), alert_spike_factor=0) == []
    assert of_lag(10**6, "n", 0) is None
    assert of_requests(Requests(90, 100), Requests(0, 100), "n", 0, firing=False) is None


@pytest.mark.parametrize(
    ("lately", "before", "firing", "told"),
    [
        ((25, 100), (5, 1_000), False, True),
        ((19, 100), (0, 1_000), False, False),
        ((25, 49), (0, 1_000), False, False),
        ((25, 100), (200, 1_000), False, False),
        ((25, 100), (200, 1_000), True, True),
        ((25, 100), (0, 0), False, True),
    ],
)
def test_refusals_rise_against_the_time_before(lately: Any, before: Any, firing: bool, told: bool) -> None:
    found = of_requests(Requests(*lately), Requests(*before), "n", 20, firing=firing)
    assert (found is not None) is told


def test_lag_is_told_from_its_limit_on() -> None:
    assert of_lag(299.9, "n", 300) is None
    found = of_lag(300, "n", 300)
    assert found is not None
    assert (found.key, found.value) == ("lag node=n", 300)


def test_an_alert_is_told_once_and_ends_after_several_looks_without_it() -> None:
    book, alert = Book(), Alert("lag", {"node": "n"}, "text", 1)
    told = [[what for what, _ in note(book, found, {"lag"}, 5)] for found in ([alert], [alert], [], [alert])]
    assert told == [["firing"], [], [], []]
    for _ in range(GONE_LOOKS - 1):
        assert note(book, [], {"lag"}, 6) == []
    # What was not looked for is not gone.
    assert note(book, [], {"spike"}, 6) == []
    ((what, firing),) = note(book, [], {"lag"}, 7)
    assert (what, firing.since_ms, book.firing) == ("resolved", 5, {})


def test_a_restart_knows_what_was_told_and_what_waits(tmp_path: Any) -> None:
    book = Book()
    note(book, [Alert("lag", {"node": "n"}, "text", 1)], {"lag"}, 5)
    book.write(tmp_path)
    assert read_book(tmp_path) == book
    assert (tmp_path / "run" / "alerts.json").stat().st_mode & 0o777 == 0o600
    for damaged in (b"{", b'{"firing": {"\xff": 1}}'):
        (tmp_path / "run" / "alerts.json").write_bytes(damaged)
        assert read_book(tmp_path) == Book()


@pytest.fixture
def place(engine: Any, make_segment: Any) -> Any:
    found = rolled.Place(engine.settings(rollup_core_percent=100), make_segment)
    found.store.migrate()
    yield found
    found.store.close()


def test_a_store_tells_what_came_in_lately_and_what_is_usual(place: Any) -> None:
    for day in range(1, USUAL_DAYS + 1):
        then_ms = NOON_MS - day * DAY_MS
        load(place, then_ms - HOUR_MS + 1, 3 + day)
        load(place, then_ms - 5 * HOUR_MS, 20, version="2")
        load(place, then_ms + 1, 2)
        load(place, then_ms, 1, type="U")
    load(place, NOON_MS - HOUR_MS, 4, type="U")
    # Later than the window, and before it.
    load(place, NOON_MS, 50, type="U")
    load(place, NOON_MS - HOUR_MS - 100, 50, type="V")
    place.count_days()
    settings = Settings(alert_silence_events=2, alert_spike_events=4)
    found = {one.type: one for one in read_activity(place.store, NOON_MS, settings)}
    days = list(range(20_000 - USUAL_DAYS, 20_000))
    assert sorted(found) == ["T", "U"]
    assert (found["T"].recent, sorted(found["T"].lowest), found["T"].lowest[days[-1]]) == (0, days, 4)
    assert (found["U"].recent, found["U"].lowest, found["U"].highest) == (4, {}, dict.fromkeys(days, 1))
    # Half an hour later the window is of two hours of the day: the least of both counts.
    later = {one.type: one for one in read_activity(place.store, NOON_MS + HOUR_MS // 2, settings)}
    assert set(later["T"].lowest.values()) == {2}
    assert [alert.key for alert in of_activity(list(found.values()), Settings(alert_silence_events=4))] == [
        "silence customer=C product=P type=T"
    ]


def load(place: Any, at_ms: int, count: int, **changes: Any) -> None:
    place.load(*(rolled.event(timestamp=at_ms + n, admitted=at_ms + n + 5, **changes) for n in range(count)))


def test_the_alerts_are_those_that_comparing_every_series_would_tell(place: Any) -> None:
    """The store brings few series, their peaks only where they may matter, and tells as of all."""
    chance = random.Random(3)
    series = [(customer, product, kind) for customer in "CDEF" for product in "PQ" for kind in "TUV"]
    events = []
    for customer, product, kind in series:
        a_day, goes_on = chance.choice((1, 20, 60)), {"E": 0, "F": 6}.get(customer, chance.choice((0, 1, 1, 6)))
        for day in range(USUAL_DAYS + 1):
            for _ in range(a_day * (goes_on if day == USUAL_DAYS else 1)):
                # Half of a day's events are around noon.
                after_ms = chance.choice((0, 11 * HOUR_MS)) + chance.randrange(3 * HOUR_MS)
                at_ms = NOON_MS - 12 * HOUR_MS + (day - USUAL_DAYS) * DAY_MS + after_ms
                names = {"customer": customer, "product": product, "type": kind, "version": chance.choice("12")}
                events.append(rolled.event(timestamp=at_ms, admitted=at_ms + 1, **names))
    place.load(*events)
    place.count_days()
    settings = Settings(alert_silence_events=3, alert_spike_factor=2, alert_spike_events=20)
    told = set()
    for end_ms in range(NOON_MS, NOON_MS + 4 * HOUR_MS, HOUR_MS // 2):
        expected = list(of_activity(every_series(events, end_ms), settings))
        found = list(of_activity(read_activity(place.store, end_ms, settings), settings))
        assert {alert.key: alert for alert in found} == {alert.key: alert for alert in expected}
        told |= {(alert.kind, len(alert.subject)) for alert in found}
    assert told == {("silence", 1), ("silence", 3), ("spike", 1), ("spike", 3)}


def every_series(events: list[dict[str, Any]], end_ms: int) -> list[Activity]:
    """The activity of each type and each customer, counted from the events."""
    start_ms = end_ms - HOUR_MS
    today, hours = start_ms // DAY_MS, {start_ms // HOUR_MS % 24, (end_ms - 1) // HOUR_MS % 24}
    counts: dict[tuple[str, str, str], Counter[tuple[int, int]]] = defaultdict(Counter)
    recent: Counter[tuple[str, str, str]] = Counter()
    for one in events:
        names = one["customer"], one["product"], one["type"]
        recent[names] += start_ms <= one["admitted"] < end_ms
        day, hour = divmod(one["timestamp"] // HOUR_MS, 24)
        if today - USUAL_DAYS <= day < today:
            counts[names][day, hour] += 1
    lowest, highest = defaultdict(Counter), defaultdict(Counter)
    for names in list(recent):
        for level in (names, (names[0], "", "")):
            recent[level] += recent[names] if level != names else 0
            for day in {day for day, _ in counts[names]}:
                lowest[level][day] += min(counts[names][day, hour] for hour in hours)
                highest[level][day] += max(counts[names][day, hour] for hour in range(24))
    return [Activity(*level, recent[level], lowest[level], highest[level]) for level in recent]
