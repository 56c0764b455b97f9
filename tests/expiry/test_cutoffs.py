"""Rules of retention: which event they take, what of it is past, and that the store and the files agree on it."""

from itertools import product
from typing import Any

import pytest
from msgspec import structs

from footfall.expiry import cutoffs_of, until_of
from footfall.settings.retention import EventPattern, RetentionRule, retention_problems
from footfall.tombstones import CutoffTest, past_condition
from footfall.windows import DAY_MS

NOW = 20_000 * DAY_MS + 4_711
RULES = [
    RetentionRule(product="P", type="BILL*", days=-1),
    RetentionRule(product="P", type="DEBUG", days=1),
    RetentionRule(product="P*", days=3),
    RetentionRule(type="DEBUG*", days=2),
]


def rule_of(kind: str, type_: str) -> int | None:
    """The days of the first rule that takes an event, in plain words."""
    if kind == "P" and type_[:4] == "BILL":
        return None
    if kind == "P" and type_ == "DEBUG":
        return 1
    if kind[:1] == "P":
        return 3
    return 2 if type_[:5] == "DEBUG" else None


def test_the_first_rule_decides_and_store_and_files_agree(engine: Any) -> None:
    from footfall.store import Store

    now_ms = NOW
    in_force = list(cutoffs_of(RULES, now_ms))
    assert [one.until_ms for one in in_force] == [until_of(days, now_ms) for days in (1, 3, 2)]
    # A rule that was dropped takes what was received before.
    (dropped,) = cutoffs_of([RetentionRule(product="OTHER", type="BILL", days=1)], now_ms)
    cutoffs = [*in_force, structs.replace(dropped, is_in_force=False, received_ms=now_ms)]
    test = CutoffTest(cutoffs)
    edges = [until_of(days, now_ms) + by for days in (1, 2, 3) for by in (0, 1)]
    events = list(
        product(("P", "P2", "OTHER"), ("BILL", "BILLED", "DEBUG", "DEBUG2", "A'{x}"), edges, (now_ms, now_ms + 1))
    )
    expected = []
    for kind, type_, time_ms, received_ms in events:
        days = rule_of(kind, type_)
        is_past = days is not None and time_ms < (now_ms // DAY_MS - days) * DAY_MS
        if (kind, type_) == ("OTHER", "BILL"):
            is_past = received_ms <= now_ms and time_ms <= until_of(1, now_ms)
        expected.append(is_past)
    assert [test.find(*one) is not None for one in events] == expected
    rows = "SELECT one.1 AS product, one.2 AS type, one.3 AS timestamp, one.4 AS {received} FROM (SELECT arrayJoin("
    rows += "arrayZip({p:Array(String)}, {t:Array(String)}, {e:Array(Int64)}, {r:Array(Int64)})) AS one)"
    given = dict(zip("pter", map(list, zip(*events, strict=True)), strict=True))
    store = Store(engine.settings())
    for quarantined, column in ((False, "received"), (True, "held_since")):
        gone = past_condition(cutoffs, quarantined=quarantined)
        text = f"SELECT {gone.text} FROM ({rows.replace('{received}', column)})"  # noqa: S608 - our own
        assert [bool(row[0]) for row in store.rows(text, {**given, **gone.parameters})] == expected
    store.close()


@pytest.mark.parametrize(
    ("one", "other", "includes", "meets"),
    [
        (("P", "A*"), ("P", "AB"), True, True),
        (("P", "A*"), ("P", "A"), True, True),
        (("P", "AB*"), ("P", "A*"), False, True),
        (("*", "A"), ("P*", "*"), False, True),
        (("P", "A"), ("P", "B"), False, False),
        (("P", "*"), ("Q", "A"), False, False),
        (("*", "*"), ("Q*", "A*"), True, True),
    ],
)
def test_patterns_know_which_others_they_include_and_meet(
    one: tuple[str, str], other: tuple[str, str], includes: bool, meets: bool
) -> None:
    first, second = EventPattern(*one), EventPattern(*other)
    assert (first.includes(second), first.meets(second), second.meets(first)) == (includes, meets, meets)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([RetentionRule(product="", days=1)], "rule 1: product: expected a code, or its beginning and *, got ''"),
        ([RetentionRule(type="A*B", days=1)], "rule 1: type: expected a code, or its beginning and *, got 'A*B'"),
        ([RetentionRule(days=0)], "rule 1: days: expected 1 to 36500, or -1 for ever, got 0"),
        (
            [RetentionRule(type="A*", days=9), RetentionRule(type="B", days=9), RetentionRule(type="AB", days=9)],
            "rule 3: no event comes to it, because rule 1 takes all of them first",
        ),
        ([RetentionRule(type=f"{number}", days=1) for number in range(51)], "expected 50 rules at the most, got 51"),
    ],
)
def test_rules_say_what_is_wrong_with_them(rules: list[RetentionRule], expected: str) -> None:
    assert list(retention_problems(rules)) == [expected]
