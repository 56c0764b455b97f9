"""Schedules of several customers and products; a `*` means what the owner may see when a report is started."""

from typing import Any

import pytest
from msgspec import structs

from footfall.accounts import KeyedUser
from footfall.errors import RequestRefused
from footfall.state import State, User, UserChange
from footfall.wire import ReportFilter

HOUR_MS = 3_600_000
ALL = {"customers": ["*"], "products": ["*"], "types": ["T*"], "versions": ["1"], "where": ["context1:is:a"]}


def change_customers(state: State, *customers: str) -> None:
    owner = state.users.get("ann")
    assert owner is not None
    state.users.change_customers("ann", granted=customers, revoked=set(owner.customers) - set(customers))


def test_each_report_is_of_the_customers_of_its_time(place: Any) -> None:
    schedule = place.add(filter=ALL)
    assert schedule.filter == ALL
    change_customers(place.state, "C", "D")
    place.tick(HOUR_MS)
    change_customers(place.state, "D")
    place.tick(HOUR_MS)
    first, second = (place.job(run).filter for run in place.runs(schedule))
    conditions = {"types": ("T*",), "versions": ("1",), "where": ("context1:is:a",)}
    window = {"start": first.start, "end": first.end}
    assert first == ReportFilter(customers=("C", "D"), products=("*",), **conditions, **window)
    assert second.customers == ("D",)
    change_customers(place.state)
    place.tick(HOUR_MS)
    found = place.desk.find(User(id="", password_hash="", admin=True, created_ms=0), schedule.id)
    assert (found.paused, found.reason) == (True, "user 'ann' may see no customer any more")


def test_a_schedule_of_named_customers_pauses_without_the_right_to_one(place: Any) -> None:
    change_customers(place.state, "C", "D")
    owner = place.state.users.get("ann")
    body = b'{"every":"hour","graceSeconds":0,"filter":{"customers":["C","D"],"product":"P"}}'
    schedule = place.desk.add(owner, body)
    change_customers(place.state, "C")
    place.tick(HOUR_MS)
    found = place.desk.find(owner, schedule.id)
    assert (found.paused, found.reason) == (True, "user 'ann' may not see the customer 'D' any more")
    with pytest.raises(RequestRefused, match="you may not see the customer 'D'"):
        place.desk.add(place.state.users.get("ann"), body)


def test_a_correction_is_of_the_customers_of_its_report(stored: Any, make: Any) -> None:
    schedule = stored.add(filter={"customers": ["*"], "product": "P"}, **{"from": stored.now_ms - HOUR_MS})
    stored.load({"timestamp": schedule.next.start + 1})
    stored.clock.ms += 1
    make(stored, lambda: stored.runs(schedule) and stored.runs(schedule)[0].status.value == "COMPLETE")
    (run,) = stored.runs(schedule)
    stored.clock.ms += 300_000
    # What is late of a customer who was granted since is not what the report lacks.
    change_customers(stored.state, "C", "D")
    stored.load({"timestamp": run.start_ms + 2, "customer": "D"}, {"timestamp": run.start_ms + 2})
    stored.tick(2 * HOUR_MS)
    make(stored, lambda: all(each.status.value == "COMPLETE" for each in stored.runs(schedule)))
    correction = next(each for each in stored.runs(schedule) if each.correction)
    assert (correction.late_events, stored.job(correction).rows) == (1, 2)
    assert stored.job(correction).filter.customers == ("C",)


def test_a_key_for_some_makes_a_schedule_of_these_alone(place: Any) -> None:
    change_customers(place.state, "C", "D")
    owner = place.state.users.get("ann")
    fields = structs.asdict(owner) | {"key": "k", "scopes": ("report",), "sees_all": False, "granted": ()}
    keyed = KeyedUser(**fields | {"customers": ("C",), "products": ("P",), "is_narrowed": True})
    whole = KeyedUser(**fields | {"products": (), "is_narrowed": False})
    body = b'{"every":"hour","filter":{"customers":["*"],"products":["*"]}}'
    narrow, wide = place.desk.add(keyed, body), place.desk.add(whole, body)
    assert narrow.filter == {"customers": ["C"], "products": ["P"]}
    assert wide.filter == {"customers": ["*"], "products": ["*"]}
    assert [each.id for each in place.desk.page(keyed).schedules] == [narrow.id]
    assert len(place.desk.page(whole).schedules) == 2


def test_what_a_schedule_cannot_select_is_told(place: Any) -> None:
    for filters, where in (
        ({"customer": "C"}, "filter.product"),
        ({"customers": ["C"], "customer": "C", "product": "P"}, "filter.customers"),
        ({"customer": "C", "product": "P", "where": ["x"]}, "filter.where"),
    ):
        with pytest.raises(RequestRefused) as caught:
            place.add(filter=filters)
        assert [problem.where for problem in caught.value.problems] == [where]


def test_an_admin_keeps_the_star(place: Any) -> None:
    place.state.users.change("ann", UserChange(admin=True))
    schedule = place.add(filter={"customers": ["*"], "products": ["*"]})
    place.tick(HOUR_MS)
    (run,) = place.runs(schedule)
    assert place.job(run).filter.customers == ("*",)
