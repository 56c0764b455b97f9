"""Answers again, answers that nobody waits for, and answers that take too much."""

import asyncio
import base64
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, structs

from footfall.errors import Code, RequestRefused
from footfall.state import User
from footfall.usage.cache import AnswerCache, KeptAnswer
from footfall.usage.query import Query, Watermark
from footfall.usage.rollups import Scope, ScopeState
from footfall.usage.selection import EventSelection


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
    place.store.write("SYSTEM STOP MERGES", {})
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
    assert len(ran) == 4
    await place.ask("summary")
    assert len(ran) == 5
    # Merging changes what the store holds, and nothing of what it has.
    place.store.write("SYSTEM START MERGES", {})
    place.store.write("OPTIMIZE TABLE events FINAL", {})
    place.store.write("SYSTEM STOP MERGES", {})
    assert (await place.ask("summary")).total == first.total
    assert len(ran) == 7
    place.load({"admitted": 15})
    changed = await place.ask("summary")
    assert changed.total.events == 3
    assert len(ran) > 9
    place.store.write("SYSTEM START MERGES", {})


async def test_an_event_of_the_period_before_or_of_the_days_before_is_seen_by_an_answer_that_was_kept(
    place: Any,
) -> None:
    day_ms = 86_400_000
    start = place.now_ms
    given: dict[str, Any] = {"start": start, "end": start + day_ms - 1, "asOf": 2**53 - 1}
    place.load({"timestamp": start, "context": ["a"]})
    asked = {
        "counts": {**given, "compare": "previous"},
        "compare": given,
        "summary": {**given, "compare": "previous"},
        "uniques": {**given, "rolling": "30", "key": "context1"},
    }
    for name, each in asked.items():
        await place.ask(name, **each)
    place.load({"timestamp": start - day_ms // 2, "context": ["b"]})
    answers = {name: await place.ask(name, **each) for name, each in asked.items()}
    assert answers["counts"].compared.total.events == 1
    assert answers["compare"].total.before == 1
    assert answers["summary"].compared.events == 1
    assert answers["uniques"].rolling[0].uniques[0].uniques == 2
    # Without actors it has all else.
    quick = await place.ask("summary", **asked["summary"], actors="false")
    assert (quick.total.actors, quick.compared.actors) == (UNSET, UNSET)
    assert msgspec.json.decode(msgspec.json.encode(quick.compared)) == {"events": 1, "duplicates": 0, "late": 0}
    assert UNSET not in (answers["summary"].total.actors, answers["summary"].compared.actors)


async def test_an_answer_as_of_an_earlier_time_is_not_the_one_of_now(place: Any) -> None:
    place.load({"admitted": 5}, {"admitted": 9})
    for as_of, events in ((9, 2), (5, 1), (9, 2), (4, 0), (20, 2)):
        assert (await place.count(asOf=as_of)).total.events == events


async def test_who_may_see_other_customers_gets_other_answers(place: Any) -> None:
    place.load({"customer": "C"}, {"customer": "D"})
    users = [User(id="u", password_hash="", customers=customers, created_ms=0) for customers in (("C",), ("C", "D"))]
    seen = [(await place.ask("counts", user, customer="*", asOf=9)).total.events for user in users]
    assert seen == [1, 2]
    nobody = User(id="n", password_hash="", created_ms=0)
    with pytest.raises(RequestRefused) as caught:
        await place.ask("counts", nobody, customer="*")
    assert caught.value.code is Code.REQUEST_AUTHORIZATION_FAILURE


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
    kept = KeptAnswer(asyncio.run(place.count()), ScopeState("", 0, 0, 0, 0, 0))
    cache = AnswerCache(5000)
    for number in range(100):
        cache.keep(number, kept)
    found = [number for number in range(100) if cache.find(number)]
    assert 1 <= len(found) <= 5
    assert found[-1] == 99
    small = AnswerCache(1)
    small.keep(0, kept)
    assert small.find(0) is None


async def test_an_answer_names_the_report_of_its_events(make_place: Any) -> None:
    place = make_place(usage_scope_max=2)
    answer = await place.count(asOf=9, types=["T"], start=5, basis="received", duplicates="drop")
    assert answer.report.filter == {
        "customer": "C",
        "product": "P",
        "types": ["T"],
        "start": 5,
        "basis": "received",
    }
    assert (answer.report.output, answer.report.duplicates) == ({"asOf": 9}, "drop")
    given = {"types": ["T*"], "versions": ["1"], "where": ["context1:one-of:a|b"], "product": ["P", "Q"]}
    assert (await place.count(asOf=9, **given)).report.filter == {
        "customers": ["C"],
        "products": ["P", "Q"],
        "types": ["T*"],
        "versions": ["1"],
        "where": ["context1:one of:a|b"],
    }
    # All that one may see are named, where they are not too many for a filter; an admin may see all.
    every = {"customer": "*", "product": "*", "asOf": 9}
    for customers, named in ((("D", "C"), ["C", "D"]), (("C", "D", "E"), ["*"])):
        user = User(id="u", password_hash="", customers=customers, created_ms=0)
        answer = await place.ask("counts", user, **every)
        assert answer.report.filter == {"customers": named, "products": ["*"]}
    assert (await place.count(**every)).report.filter == {"customers": ["*"], "products": ["*"]}


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


@pytest.mark.parametrize("by", ["type", "context1"])
async def test_both_periods_have_numbers_of_the_top_values_of_the_later(place: Any, by: str) -> None:
    start, day_ms = place.now_ms, 86_400_000

    def events(day: int, **numbers: int) -> list[dict[str, Any]]:
        return [
            {"timestamp": start + day * day_ms + number, "type": value, "context": [value]}
            for value, most in numbers.items()
            for number in range(most)
        ]

    place.load(*events(0, A=3, B=1), *events(-1, A=1, B=5))
    given = {"start": start, "end": start + day_ms - 1, "by": by, "top": 1, "asOf": 2**53 - 1}
    compared = await place.ask("compare", **given)
    rows = [(row.others is UNSET, row.events, row.before) for row in compared.compare]
    assert sorted(rows) == [(False, 1, 5), (True, 3, 1)]
    counts = await place.count(compare="previous", interval="all", **given)
    assert [row.events for row in counts.counts] == [3, 1]
    assert [row.events for row in counts.compared.counts] == [1, 5]


def test_what_is_known_of_a_scope_is_said_of_no_events_outside_of_it(place: Any) -> None:
    inner = EventSelection(customers=("C",), products=("P",), start=100, end=200)
    scope = Scope.around(inner)
    asked = Query(place.store, place.settings, None, inner, Watermark(9, True), dict)
    known = asked.within(scope, ScopeState("", 1, 1, 3, 4, 1_000_000))
    assert known.of(structs.replace(inner, start=150)).days() == known.days() == (3, 4)
    for wide in ({"start": 99}, {"end": 201}, {"basis": "received"}):
        assert known.of(structs.replace(inner, **wide)).days() is None


async def test_values_with_equally_many_events_are_in_the_order_of_their_bytes(place: Any) -> None:
    # The engine gives groups in the order of its hash table.
    named = [f"T{number * 7919 % 1000}" for number in range(300)]
    place.load(*({"type": value, "context": [value], "timestamp": place.now_ms} for value in named))
    given = {"start": place.now_ms, "end": place.now_ms + 1, "asOf": 2**53 - 1}
    for by, name in (("type", "type"), ("context1", "values")):
        rows = (await place.ask("compare", by=by, **given)).compare
        assert len(rows) == len(named)
        found = [getattr(row, name) for row in rows]
        assert found == sorted(found, key=str)
    types = (await place.ask("summary", top=300, **given)).types
    assert [row.type for row in types] == sorted(named)
    top = (await place.ask("top", key="context1", top=300, **given)).top
    assert [row.value for row in top] == sorted(named)


@pytest.mark.parametrize("by", ["type", "context1"])
async def test_the_top_values_are_those_with_most_events_that_are_shown(place: Any, by: str) -> None:
    twice = [{"type": "A", "context": ["A"], "timestamp": 5}] * 3
    place.load(*twice, *({"type": "B", "context": ["B"], "timestamp": time_ms} for time_ms in (6, 7)))
    for duplicates, shown in ("drop", [2, 1]), ("keep", [3, 2]):
        counts = await place.count(by=by, top=1, interval="all", duplicates=duplicates, asOf=9)
        assert [row.events for row in counts.counts] == shown


async def test_types_of_the_plan_are_listed_by_a_prefix_too(make_place: Any, tmp_path: Any) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'customers = ["C"]\n[products.P]\ncolumns = ["k"]\n[products.P.types]\nopen = ["k"]\nopened = []\nclose = []\n'
    )
    place = make_place(plan=str(plan))
    types = await place.ask("types", types=["open*"])
    assert [each.type for each in types.types] == ["open", "opened"]


async def test_rolling_days_of_very_many_years_are_refused_before_they_are_made(place: Any) -> None:
    place.load({"timestamp": -(2**45)}, {"timestamp": 2**45})
    with pytest.raises(RequestRefused) as caught:
        await place.ask("uniques", key="context1", rolling="7", interval="all", asOf=2**53 - 1)
    assert caught.value.code is Code.REQUEST_PARAMETER_MALFORMED


async def test_a_key_of_many_products_is_found_by_product_and_type(make_place: Any, tmp_path: Any) -> None:
    # Product and type together have one text for each pair, whichever names begin as others do.
    names = ["a", "ab", "1:a", *(f"p{number}" for number in range(7))]
    keys = [f"x{at}" for at in range(10)] + ["k"]
    tables = [
        f"[products.'{name}']\ncolumns = {keys}\n"
        f"[products.'{name}'.types]\nbc = {[*keys[:number], 'k']}\nc = ['x0', 'k']\n"
        for number, name in enumerate(names)
    ]
    plan = tmp_path / "plan.toml"
    plan.write_text('customers = ["C"]\n' + "".join(tables))
    place = make_place(plan=str(plan))
    context = [str(at) for at in range(12)]
    place.load(*({"product": name, "type": "bc", "context": context} for name in [*names, "other"]))
    place.load(*({"product": name, "type": "c", "context": context} for name in names))
    counts = await place.count(product="*", by="k", interval="all", asOf=9)
    found = {row.values["k"]: row.events for row in counts.counts}
    assert found == {"": 1, **{str(at): 1 for at in range(10)}} | {"1": 11}


async def test_the_link_of_a_range_by_name_has_its_times(place: Any) -> None:
    place.load({"timestamp": place.now_ms}, {"timestamp": place.now_ms - 40 * 86_400_000})
    counts = await place.count(range="30d", interval="all", by="none", asOf=place.now_ms + 1)
    assert (counts.total.events, "range=" in counts.link, "start=" in counts.link) == (1, False, True)
    given = dict(pair.split("=") for pair in counts.link.partition("?")[2].split("&"))
    assert (await place.ask("counts", **given)).counts == counts.counts
