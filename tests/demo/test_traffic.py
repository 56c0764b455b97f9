"""The demo's traffic: the same for the same seed, with the rhythm of people, as many as asked for, none twice."""

import datetime as dt
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import pytest
from msgspec import structs

from footfall.demo import ACTOR_PREFIX, DAY_MS, Demo, Draws, Kind, LiveTraffic, is_weekend, session
from footfall.plan import compile_plan, load_plan
from footfall.settings import Settings
from footfall.wire import ReceivedEvent

CUSTOMERS = ("BARCHART", "TGAM")
END_MS = 1_795_970_000_000  # a Sunday
# Sixteen weeks, in the middle of which all people of the first days have come.
DEMO = Demo(seed=3, customers=CUSTOMERS, end_ms=END_MS, days=112, events=40_000)


@cache
def requests(demo: Demo = DEMO) -> list:
    return list(demo.requests())


@cache
def events(demo: Demo = DEMO) -> list[ReceivedEvent]:
    return [event for request in requests(demo) if request.kind is Kind.USUAL for event in request.events]


@cache
def sent(demo: Demo) -> dict[str, bytes]:
    return {request.key: request.body() for request in requests(demo)}


def day(event: ReceivedEvent) -> int:
    return event.timestamp // DAY_MS


def actors(kind: str) -> set[str]:
    return {event.context[0] for event in events() if event.type == kind}


def test_the_same_seed_and_end_make_the_same_requests_and_others_make_others():
    small = structs.replace(DEMO, days=10, events=3_000)
    assert list(sent(small).items()) == list(sent(structs.replace(small)).items())
    assert not sent(small).keys() & sent(structs.replace(small, seed=4)).keys()
    assert not sent(small).keys() & sent(structs.replace(small, events=4_000)).keys()


def test_a_later_end_sends_the_same_again_and_then_more():
    first = structs.replace(DEMO, days=10, events=3_000)
    later = structs.replace(first, end_ms=END_MS + 5 * DAY_MS + 3_600_000)
    one, other = sent(first), sent(later)
    common = one.keys() & other.keys()
    assert all(one[key] == other[key] for key in common)
    inside = {
        request.key
        for request in requests(first)
        if request.kind is not Kind.BROKEN and min(e.timestamp for e in request.events) >= later.start
    }
    assert len(inside) > 100
    assert inside == {key for key in common if not key.endswith("broken")}
    assert max(map(day, events(later))) > max(map(day, events(first)))


@pytest.mark.parametrize(("days", "wanted"), [(90, 30_000), (30, 12_000), (200, 20_000)])
def test_there_are_about_as_many_events_as_asked_for_in_the_days_asked_for(days: int, wanted: int):
    demo = Demo(seed=days, customers=CUSTOMERS, end_ms=END_MS, days=days, events=wanted)
    found = events(demo)
    # Some months are busier than others.
    assert 0.8 * wanted < len(found) < 1.25 * wanted
    assert demo.end - days * DAY_MS <= min(e.timestamp for e in found)
    assert max(e.timestamp for e in found) < demo.end <= END_MS


def test_no_two_events_are_equal_but_those_that_are_sent_anew():
    seen = Counter((e.customer, e.product, e.type, e.timestamp, *e.context) for e in events())
    assert max(seen.values()) == 1
    anew = [event for request in requests() if request.kind is Kind.DUPLICATE for event in request.events]
    assert anew
    assert all(seen[e.customer, e.product, e.type, e.timestamp, *e.context] == 1 for e in anew)
    assert any(request.times == 2 for request in requests())


def test_good_events_fit_the_packaged_plan_and_broken_ones_do_not():
    checker = compile_plan(load_plan(None), Settings())
    assert not checker.check(events())
    assert not checker.check(DEMO.samples())
    assert {event.type for event in DEMO.samples()} == {kind.name for kind in load_plan(None).types}
    broken = [event for request in requests() if request.kind is Kind.BROKEN for event in request.events]
    # Those with a time in seconds are refused before the plan is asked.
    assert all(checker.check([e]) or e.timestamp < Settings().timestamp_min_ms for e in broken)
    assert len({e.type for e in broken if checker.check([e])}) >= 2
    assert all(str(event.context[0]).startswith(ACTOR_PREFIX) for event in [*events(), *broken])


def test_working_days_are_busier_than_weekends_and_days_than_nights():
    by_day = Counter(map(day, events()))
    weekdays, weekends = ([by_day[d] for d in sorted(by_day)[1:-1] if is_weekend(d) is what] for what in (False, True))
    assert sum(weekends) / len(weekends) < 0.6 * sum(weekdays) / len(weekdays)
    weekday = [(dt.date(1970, 1, 1) + dt.timedelta(d)).weekday() for d in by_day]
    assert [is_weekend(d) for d in by_day] == [number >= 5 for number in weekday]
    hours = Counter((event.timestamp // 3_600_000 - 6) % 24 for event in events() if event.customer == "BARCHART")
    assert max(hours[at] for at in (2, 3, 4)) < 0.2 * min(hours[at] for at in (9, 10, 14, 15))


def test_of_the_people_who_come_fewer_and_fewer_return():
    days_of = defaultdict(set)
    for event in events():
        days_of[event.context[0]].add(day(event))
    first = min(map(min, days_of.values()))
    # Who came in the first weeks may have been there before.
    came = {actor: days for actor, days in days_of.items() if first + 30 < min(days) < first + 80}
    returned = [
        sum(any(7 * week <= d - min(days) < 7 * (week + 1) for d in days) for days in came.values())
        for week in range(5)
    ]
    assert len(came) > 100
    assert returned[0] == len(came)
    assert 0.2 * len(came) < returned[1] < 0.6 * len(came)
    assert 0 < returned[4] < returned[2] < returned[1] * 1.05


@pytest.mark.parametrize(
    "steps",
    [
        ("PORTFOLIO-CREATED", "PORTFOLIO-TRANSACTION-CREATED", "PORTFOLIO-BROKERAGE-REPORT-DOWNLOADED"),
        ("WATCHLIST-APPLICATION-LOADED", "WATCHLIST-CREATED", "WATCHLIST-DOWNLOADED"),
        ("CUSTOMER-CREATED", "ACCOUNT-LINKED", "OFFER-CREATED", "CONTRACT-SIGNED"),
    ],
)
def test_fewer_reach_each_step_of_a_funnel(steps: tuple[str, ...]):
    reached = [len(set.intersection(*map(actors, steps[: at + 1]))) for at in range(len(steps))]
    assert all(0 < after < 0.95 * before for before, after in pairwise(reached)), reached


def test_new_versions_come_and_most_people_have_them_soon():
    of_day = defaultdict(Counter)
    for event in events():
        if event.product == "WATCHLIST":
            of_day[day(event) // 7][tuple(map(int, event.version.split(".")))] += 1
    weeks = sorted(of_day)
    newest = [max(of_day[week]) for week in weeks]
    assert newest == sorted(newest)
    assert len(set(newest)) >= 6
    last = of_day[weeks[-2]]
    assert sum(last[version] for version in last if version >= newest[-4]) > 0.5 * last.total()
    assert len(last) >= 3


def test_live_traffic_comes_at_its_rate_with_what_was_kept_for_days():
    live = LiveTraffic(DEMO, END_MS, 10)
    found = [request for second in range(1, 601) for request in live.due(END_MS + 1000 * second)]
    usual = [request for request in found if request.kind is Kind.USUAL]
    now = [event for request in usual for event in request.events if event.timestamp > END_MS]
    assert 0.7 * 6_000 < len(now) < 1.3 * 6_000
    assert [request for request in usual if max(e.timestamp for e in request.events) < END_MS - DAY_MS]
    assert {request.kind for request in found} == set(Kind)
    assert len({request.key for request in found}) == len(found)
    assert not compile_plan(load_plan(None), Settings()).check([e for request in usual for e in request.events])


def test_a_small_demo_has_people_on_each_day():
    tiny = structs.replace(DEMO, events=100)
    assert all(list(LiveTraffic(tiny, END_MS + at * DAY_MS, 2).due(END_MS + at * DAY_MS + 60_000)) for at in range(7))
    person = DEMO.people_of(END_MS // DAY_MS - 2)[0]
    times = [event.timestamp for event in session(person, person.joined, END_MS, Draws("any"))]
    assert times == sorted(set(times))
