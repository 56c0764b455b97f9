"""Answers again, answers that nobody waits for, and answers that take too much."""

import asyncio
import base64
import threading
from typing import Any

import pytest
from msgspec import UNSET

from footfall.errors import Code, RequestRefused
from footfall.usage.cache import AnswerCache


def page_end(numbers: list[int]) -> str:
    """The `after` of a page that ended at such a time and sequence."""
    text = f'[{numbers[0]},"00000000-0000-0000-0000-000000000001",{numbers[1]}]'
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def statements(place: Any, monkeypatch: Any) -> list[str]:
    """The first line of each statement that is run from now on."""
    run, found = place.store.rows, []
    monkeypatch.setattr(place.store, "rows", lambda text, *rest: found.append(text.split("\n")[0]) or run(text, *rest))
    return found


async def test_an_answer_is_given_again_until_an_event_comes(place: Any, monkeypatch: Any) -> None:
    place.load({"admitted": 5}, {"admitted": 6, "type": "U"})
    place.state.nodes.put("here", 10, 0)
    first = await place.ask("summary")
    ran = statements(place, monkeypatch)
    again = await place.ask("summary")
    assert (again.total, again.types, again.asOf) == (first.total, first.types, 10)
    assert len(ran) == 1
    # A later watermark, up to which nothing has come: the same numbers as of then.
    place.state.nodes.put("here", 20, 0)
    later = await place.ask("summary")
    assert (later.total, later.asOf, later.report.output) == (first.total, 20, {"asOf": 20})
    assert later.link.endswith("asOf=20")
    assert len(ran) == 2
    # An event of another customer changes nothing, one of this does.
    place.load({"admitted": 15, "customer": "D"})
    await place.ask("summary")
    assert len(ran) == 3
    place.load({"admitted": 15})
    changed = await place.ask("summary")
    assert changed.total.events == 3
    assert len(ran) > 4


async def test_an_answer_as_of_an_earlier_time_is_not_the_one_of_now(place: Any) -> None:
    place.load({"admitted": 5}, {"admitted": 9})
    for as_of, events in ((9, 2), (5, 1), (9, 2), (4, 0), (20, 2)):
        assert (await place.count(asOf=as_of)).total.events == events


async def test_who_may_see_other_customers_gets_other_answers(place: Any) -> None:
    from footfall.state import User

    place.load({"customer": "C"}, {"customer": "D"})
    users = [User(id="u", password_hash="", customers=customers, created_ms=0) for customers in (("C",), ("C", "D"))]
    seen = [(await place.ask("counts", user, customer="*", asOf=9)).total.events for user in users]
    assert seen == [1, 2]
    nobody = User(id="n", password_hash="", created_ms=0)
    with pytest.raises(RequestRefused) as caught:
        await place.ask("counts", nobody, customer="*")
    assert caught.value.code is Code.REQUEST_AUTHORIZATION_FAILURE


async def test_a_question_that_is_given_up_ends_in_the_engine(place: Any, monkeypatch: Any) -> None:
    place.load({})
    run, began, ended = place.store.rows, threading.Event(), threading.Event()
    endless = "SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_block_size = 1"

    def slow(text: str, parameters: Any, settings: Any = None) -> Any:
        if "What there is" in text:
            return run(text, parameters, settings)
        began.set()
        try:
            return run(endless, {}, settings)
        finally:
            ended.set()

    monkeypatch.setattr(place.store, "rows", slow)
    asking = asyncio.create_task(place.count())
    assert await asyncio.to_thread(began.wait, 30)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    # The statement would take a minute by itself.
    assert await asyncio.to_thread(ended.wait, 30)


async def test_an_answer_that_takes_too_much_memory_is_refused_or_estimated(make_place: Any) -> None:
    place = make_place(usage_memory_bytes_max=30 * 2**20)
    place.store.write(
        "INSERT INTO events (customer, product, type, version, timestamp, context, sequence, batch, received, admitted)"
        " SELECT 'C', 'P', 'T', '', 1760000000000 + number, [concat('somebody of a long name ', toString(number))], 1,"
        " generateUUIDv4(), 1, 1 FROM numbers(300000)",
        {},
    )
    uniques = await place.ask("uniques", key="context1", interval="all")
    assert (uniques.exact, uniques.error) == (False, 0.003)
    assert abs(uniques.total.uniques - 300_000) < 300_000 * 0.02
    with pytest.raises(RequestRefused) as caught:
        await place.ask("funnel", key="context1", step=["T", "T"])
    assert (caught.value.code, caught.value.problems[0].where) == (Code.REQUEST_PARAMETER_MALFORMED, "start")


def test_kept_answers_have_a_bound(place: Any) -> None:
    answer = asyncio.run(place.count())
    state = object()
    cache = AnswerCache(5000)
    for number in range(100):
        cache.keep(number, state, answer)  # type: ignore[arg-type]
    kept = [number for number in range(100) if cache.find(number, state)]  # type: ignore[arg-type]
    assert 1 <= len(kept) <= 5
    assert kept[-1] == 99
    AnswerCache(1).keep(0, state, answer)  # type: ignore[arg-type]


async def test_an_answer_names_the_report_of_its_events_or_none(place: Any) -> None:
    answer = await place.count(asOf=9, types=["T"], start=5, basis="received", duplicates="drop")
    assert answer.report.filter == {
        "customer": "C",
        "product": "P",
        "types": ["T"],
        "start": 5,
        "basis": "received",
    }
    assert (answer.report.output, answer.report.duplicates) == ({"asOf": 9}, "drop")
    # What a report cannot select.
    for given in ({"types": ["T*"]}, {"versions": ["1"]}, {"where": ["context1:is:a"]}, {"product": ["P", "Q"]}):
        assert (await place.count(asOf=9, **given)).report is UNSET


@pytest.mark.parametrize(
    ("name", "given"),
    [
        # Each minute of 500,000 years; before they were refused they were made.
        ("counts", {"interval": "minute", "fill": "true", "start": -(2**53) + 1, "end": 2**53 - 1, "asOf": 2**53 - 1}),
        ("counts", {"interval": "minute", "fill": "true", "asOf": 2**53 - 1, "end": 2**53 - 1}),
        ("counts", {"compare": "year", "start": -(2**53) + 1, "end": 5}),
        ("compare", {"compare": "year", "start": 5, "end": 2**53 - 1}),
        ("summary", {"compare": "year", "start": -(2**53) + 1, "end": 2**53 - 1}),
        ("events", {"after": page_end([2**80, 0]), "asOf": 9}),
        ("events", {"after": page_end([0, 2**70]), "asOf": 9}),
        ("events", {"after": page_end([0, -1]), "asOf": 9}),
        ("funnel", {"step": ["T", "T" + ";context1:empty" * 17]}),
        ("funnel", {"step": [";".join(["T", *["context1:empty"] * 9])] * 2}),
        ("funnel", {"step": ["T"] * 11}),
    ],
)
async def test_what_would_be_too_much_is_refused_before_it_is_made(place: Any, name: str, given: Any) -> None:
    place.load({}, {"timestamp": place.now_ms + 1})
    with pytest.raises(RequestRefused) as caught:
        await place.ask(name, **given)
    assert caught.value.code is Code.REQUEST_PARAMETER_MALFORMED


async def test_zeros_reach_from_the_start_to_the_end_that_were_asked_for(place: Any) -> None:
    place.load({"timestamp": 1_767_268_800_000}, {"timestamp": 1_767_441_600_000})
    given = {"start": "2025-12-31", "end": "2026-01-05", "asOf": 2**53 - 1, "fill": "true", "timezone": "Asia/Tokyo"}
    counts = await place.count(**given)
    assert [row.events for row in counts.counts] == [0, 1, 0, 1, 0, 0]


async def test_a_page_of_very_long_events_is_refused_and_a_shorter_one_is_not(make_place: Any) -> None:
    place = make_place(usage_answer_bytes_max=2**20)
    place.load(*({"context": ["x" * 60_000], "sequence": number} for number in range(1, 41)))
    with pytest.raises(RequestRefused) as caught:
        await place.ask("events", limit=40, asOf=9)
    assert (caught.value.code, caught.value.problems[0].where) == (Code.REQUEST_PARAMETER_MALFORMED, "start")
    assert len((await place.ask("events", limit=5, asOf=9)).events) == 5
