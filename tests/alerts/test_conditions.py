"""When something is an alert, and when it is told: over made-up counts, and over a real store with a real rollup."""

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


def keys(*activities: Activity, **changes: Any) -> list[str]:
    return [alert.key for alert in of_activity(list(activities), Settings(**changes))]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (activity(0), ["silence customer=C"]),
        (activity(1), []),
        (activity(0, lowest=19), []),
        (activity(0, days=4), []),
        (activity(1_501), ["spike customer=C"]),
        (activity(1_500), []),
        (activity(999, highest=10), []),
        (activity(2_000, days=2), []),
    ],
)
def test_silence_and_spike_are_told_from_what_is_usual(one: Activity, expected: list[str]) -> None:
    assert keys(one) == expected


def test_a_type_is_told_of_where_the_customer_as_a_whole_is_as_usual() -> None:
    assert keys(activity(0), activity(40, type="U")) == ["silence customer=C product=P type=T"]
    assert keys(activity(0), activity(0, type="U"), activity(40, customer="D")) == ["silence customer=C"]
    assert keys(activity(10), activity(1_500, type="U", highest=100)) == ["spike customer=C product=P type=U"]


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


def events(place: Any, at_ms: int, count: int, **changes: Any) -> None:
    place.load(*(rolled.event(timestamp=at_ms + n, admitted=at_ms + n + 5, **changes) for n in range(count)))


def test_a_store_tells_what_came_in_lately_and_what_is_usual(place: Any) -> None:
    for day in range(1, USUAL_DAYS + 1):
        then_ms = NOON_MS - day * DAY_MS
        events(place, then_ms - HOUR_MS + 1, 3 + day)
        events(place, then_ms - 5 * HOUR_MS, 20, version="2")
        events(place, then_ms + 1, 2)
    events(place, NOON_MS - HOUR_MS, 4, type="U")
    # Later than the window, and before it.
    events(place, NOON_MS, 50, type="U")
    events(place, NOON_MS - HOUR_MS - 100, 50, type="V")
    place.count_days()
    found = {one.type: one for one in read_activity(place.store, NOON_MS)}
    assert found["U"].recent == 4
    days = range(20_000 - USUAL_DAYS, 20_000)
    assert (found["T"].recent, sorted(found["T"].lowest)) == (0, list(days))
    assert found["T"].lowest[20_000 - 1] == 4
    assert set(found["T"].highest.values()) == {20}
    # Half an hour later the window is of two hours of the day: the least of both counts.
    later = {one.type: one for one in read_activity(place.store, NOON_MS + HOUR_MS // 2)}
    assert set(later["T"].lowest.values()) == {2}
    assert [alert.key for alert in of_activity(list(found.values()), Settings(alert_silence_events=4))] == [
        "silence customer=C product=P type=T"
    ]
