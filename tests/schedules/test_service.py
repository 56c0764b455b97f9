"""Who may do what with which schedule."""

import json
from typing import Any

import pytest

from footfall.errors import Code, RequestRefused
from footfall.state import User

ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)
OTHER = User(id="bob", password_hash="", customers=("C",), created_ms=0)
HOUR_MS = 3_600_000


def refused(call: Any, *given: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        call(*given)
    return caught.value


def test_a_user_sees_their_own_and_an_admin_all(place: Any) -> None:
    place.state.users.add(OTHER)
    mine, theirs = place.add(name="mine"), place.desk.add(OTHER, body())
    assert [each.id for each in place.desk.page(OTHER).schedules] == [theirs.id]
    assert {each.id for each in place.desk.page(ADMIN).schedules} == {mine.id, theirs.id}
    assert place.desk.find(ADMIN, mine.id).runs == []
    for call in (place.desk.find, place.desk.remove, place.desk.pause, place.desk.resume):
        error = refused(call, OTHER, mine.id)
        assert (error.code, error.message) == (Code.REQUEST_NOT_FOUND, "there is no such schedule")
        assert refused(call, OTHER, "\x00").message == error.message
    assert place.desk.remove(ADMIN, mine.id).id == mine.id
    assert refused(place.desk.find, ADMIN, mine.id).code is Code.REQUEST_NOT_FOUND


def body(**given: Any) -> bytes:
    return json.dumps({"every": "hour", "filter": {"customer": "C", "product": "P"}} | given).encode()


def test_a_customer_of_others_is_refused(place: Any) -> None:
    error = refused(place.desk.add, OTHER, body(filter={"customer": "D", "product": "P"}))
    assert error.code is Code.REQUEST_AUTHORIZATION_FAILURE


def test_a_user_has_so_many_schedules_and_no_more(make_place: Any) -> None:
    place = make_place(schedules_max=2)
    place.state.users.add(OTHER)
    first = place.add()
    place.add()
    error = refused(place.desk.add, place.state.users.get("ann"), body())
    assert error.code is Code.REQUEST_RATE_LIMITED
    assert "remove one first" in error.message
    place.desk.add(OTHER, body())
    place.desk.remove(ADMIN, first.id)
    assert place.add().id


def test_a_right_that_was_taken_away_pauses_the_schedule_until_it_is_resumed(place: Any) -> None:
    schedule = place.add()
    assert place.state.users.change_customers("ann", granted=("D",), revoked=("C",))
    place.tick(HOUR_MS)
    shown = place.desk.find(ADMIN, schedule.id)
    assert (shown.paused, shown.reason) == (True, "user 'ann' may not see the customer 'C' any more")
    assert shown.runs == []
    assert place.state.users.change_customers("ann", granted=("C",))
    place.desk.resume(ADMIN, schedule.id)
    place.tick()
    assert [run.status for run in place.desk.find(ADMIN, schedule.id).runs] == ["RUNNING"]


def test_who_is_added_under_a_name_inherits_no_schedules(place: Any) -> None:
    schedule = place.add()
    place.state.users.remove("ann")
    ann = User(id="ann", password_hash="", customers=("C",), created_ms=0)
    place.state.users.add(ann)
    assert place.desk.page(ann).schedules == []
    for call in (place.desk.find, place.desk.remove, place.desk.pause, place.desk.resume):
        assert refused(call, ann, schedule.id).code is Code.REQUEST_NOT_FOUND
    place.tick(HOUR_MS)
    shown = place.desk.find(ADMIN, schedule.id)
    assert (shown.paused, shown.reason, shown.runs) == (True, "user 'ann', who made it, was removed", [])


def test_pages_follow_each_other(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footfall.schedules.service.PAGE_SCHEDULES_MAX", 2)
    ids = sorted(place.add().id for _ in range(5))
    found, after = [], ""
    while True:
        page = place.desk.page(ADMIN, after)
        found += [each.id for each in page.schedules]
        if not page.next:
            break
        after = page.next
    assert found == ids


def test_what_is_shown_of_a_run(place: Any) -> None:
    schedule = place.add(**{"from": place.now_ms - HOUR_MS})
    place.tick()
    (shown,) = place.desk.runs(ADMIN, schedule.id, 10)
    (run,) = place.runs(schedule)
    assert (shown.start, shown.end, shown.source) == (run.start_ms, run.end_ms - 1, f"JOB-{run.job}")
    assert (shown.correction, shown.status, shown.tries, shown.earlier) == (0, "RUNNING", 1, [])
