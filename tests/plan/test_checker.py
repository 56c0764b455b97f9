"""A checker refuses what its plan does not know, and says where and why."""

from pathlib import Path

import pytest

from footfall.errors import Code, Problem
from footfall.plan import RefusedEvent, compile_plan, load_plan
from footfall.settings import Settings
from footfall.wire import StoredEvent

UUID = "3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b"


def event(customer, product, kind, *context):
    return StoredEvent(customer=customer, product=product, type=kind, timestamp=1, context=list(context))


def default_checker(**settings):
    return compile_plan(load_plan(None), Settings(**settings))


def wrong(checker, *events):
    return [(problem.where, problem.why) for refused in checker.check(list(events)) for problem in refused.problems]


def test_good_events_pass_and_stay_as_they_are():
    events = [
        event("BARCHART", "PORTFOLIO", "PORTFOLIO-APPLICATION-LOADED", "u"),
        event("TGAM", "PORTFOLIO", "PORTFOLIO-TRANSACTION-CREATED", "u", "p", "x", "AAPL"),
        event("BARCHART", "PORTFOLIO", "PORTFOLIO-TRANSACTION-CREATED", "u", "p", "x"),
        event("BARCHART", "ENTITLEMENTS", "ENTITLEMENTS_AUTHORIZATION_FAILED", "u", ""),
        event("TGAM", "ALERT", "ALERT-CREATED", "u", UUID, "AAPL"),
    ]
    contexts = [list(each.context) for each in events]
    assert default_checker().check(events) == []
    assert [each.context for each in events] == contexts
    assert default_checker().check([]) == []


def test_null_at_an_optional_key_becomes_the_empty_string():
    for context, stored in [(["u", "a", None], ["u", "a", ""]), (["u", "a"], ["u", "a"])]:
        alert = event("BARCHART", "ALERT", "ALERT-CREATED", *context)
        assert default_checker().check([alert]) == []
        assert alert.context == stored


@pytest.mark.parametrize(
    ("bad", "where", "why"),
    [
        (
            event("BARCHRT", "ALERT", "ALERT-STARTED-ALL", "u"),
            "customer",
            "BARCHRT is not a customer of the tracking plan",
        ),
        (
            event("", "ALERT", "ALERT-STARTED-ALL", "u"),
            "customer",
            "an empty name is not a customer of the tracking plan",
        ),
        (
            event("BARCHART", "ALERTS", "ALERT-STARTED-ALL", "u"),
            "product",
            "ALERTS is not a product of the tracking plan; did you mean ALERT?",
        ),
        (
            event("BARCHART", "", "", "u"),
            "product",
            "an empty name is not a product of the tracking plan",
        ),
        (
            event("BARCHART", "ALERT", "alert_started_all", "u"),
            "type",
            "alert_started_all is not in the tracking plan for product ALERT; did you mean ALERT-STARTED-ALL?",
        ),
        (
            event("BARCHART", "ALERT", "X" * 200, "u"),
            "type",
            f"{'X' * 200} is not in the tracking plan for product ALERT",
        ),
        (
            event("BARCHART", "ALERT", "CONTRACT-SIGNED", "u"),
            "type",
            "CONTRACT-SIGNED is a type of product MARKETPLACE, not of ALERT",
        ),
        (
            event("BARCHART", "ALERT", "ALERT-STARTED-ALL"),
            "context",
            "0 values where ALERT-STARTED-ALL takes 1: userId",
        ),
        (
            event("BARCHART", "ALERT", "ALERT-STARTED-ALL", "u", None),
            "context",
            "2 values where ALERT-STARTED-ALL takes 1: userId",
        ),
        (
            event("BARCHART", "ALERT", "ALERT-CREATED", "u"),
            "context",
            "1 value where ALERT-CREATED takes 2 to 3: userId, alertId, symbol?",
        ),
        (
            event("BARCHART", "ALERT", "ALERT-CREATED", "u", None, None),
            "context[1]",
            "alertId must be a string: only an optional key may be null",
        ),
    ],
)
def test_refusal_says_where_and_what_to_do(bad, where, why):
    good = event("BARCHART", "ALERT", "ALERT-STARTED-ALL", "u")
    assert default_checker().check([good, good, bad, good]) == [
        RefusedEvent(2, (Problem(Code.EVENT_NOT_IN_PLAN, f"events[2].{where}", why),))
    ]


def test_everything_wrong_with_an_event_is_said():
    found = wrong(default_checker(), event("ACME", "ALERT", "ALERT-CREATED", None, None), event("A", "B", "C"))
    assert [where for where, _ in found] == [
        "events[0].customer",
        "events[0].context[0]",
        "events[0].context[1]",
        "events[1].customer",
        "events[1].product",
    ]


def test_events_of_many_customers_and_products_are_each_checked_by_their_own_tables():
    good = [
        event("TGAM", "ALERT", "ALERT-STARTED-ALL", "u"),
        event("BARCHART", "ALERT", "ALERT-STARTED-ALL", ""),
        event("BARCHART", "WATCHLIST", "WATCHLIST-ACCESSED", "u", "w"),
        event("TGAM", "PORTFOLIO", "PORTFOLIO-ACCESSED", "", ""),
    ]
    bad = [
        event("TGAM", "ALERT", "ALERT-STARTED-ALL", ""),
        event("TGAM", "WATCHLIST", "WATCHLIST-ACCESSED", "u", "w"),
        event("BARCHART", "PORTFOLIO", "WATCHLIST-ACCESSED", "u", "w"),
    ]
    mixed = [each for number in range(40) for each in (good[number % 4], bad[number % 3])]
    assert [refused.index for refused in default_checker().check(mixed)] == list(range(1, 80, 2))


def test_problems_are_capped():
    bad = event("ACME", "ALERT", "ALERT-CREATED", None, None)
    assert len(wrong(default_checker(), *[bad] * 10_000)) == 100
    refused = default_checker(problems_max=4).check([bad] * 10)
    assert [(each.index, len(each.problems)) for each in refused] == [(0, 3), (1, 1)]


def test_plan_without_customers_takes_any(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        "[products.P]\ncolumns = ['k']\ntypes.T = ['k']\n[[rules]]\ncustomers = ['STRICT']\nnon_empty = true\n"
    )
    checker = compile_plan(load_plan(path), Settings())
    assert wrong(checker, event("ANYONE", "P", "T", ""), event("", "P", "T", "")) == []
    assert wrong(checker, event("STRICT", "P", "T", "")) == [("events[0].context[0]", "k must not be empty")]


def test_open_mode_takes_unknown_codes_and_checks_the_known():
    checker = default_checker(plan_mode="open")
    unknown = [
        event("ACME", "ALERT", "ALERT-STARTED-ALL", "u"),
        event("BARCHART", "ALERT", "ALERT-SNOOZED", None, "b", None),
        event("BARCHART", "SHOP", "OPENED"),
        event("ACME", "SHOP", "OPENED", None),
        event("BARCHART", "PORTFOLIO", "ALERT-STARTED-ALL", "u", "v"),
        event("", "", "", "u"),
    ]
    assert wrong(checker, *unknown) == []
    assert [each.context for each in unknown] == [["u"], ["", "b", ""], [], [""], ["u", "v"], ["u"]]
    known = [
        event("ACME", "ALERT", "ALERT-STARTED-ALL", "u", "v"),
        event("ACME", "ALERT", "ALERT-STARTED-ALL", None),
        event("TGAM", "ALERT", "ALERT-STARTED-ALL", ""),
    ]
    assert [where for where, _ in wrong(checker, *known)] == [
        "events[0].context",
        "events[1].context[0]",
        "events[2].context[0]",
    ]


def test_sample_plan_takes_the_events_it_was_written_for():
    plan = load_plan(Path(__file__).with_name("git.toml"))
    assert [column.name for column in plan.columns("GIT")] == ["authorId", "commit", "path", "previousPath"]
    events = [
        event("MATOMO", "GIT", "COMMIT-AUTHORED", "ue6f6059c21fa", "f09912cb70"),
        event("VECTOR", "GIT", "FILE-ADDED", "u1", "c1", "src/a.rs"),
        event("PYPI", "GIT", "FILE-MODIFIED", "u1", "c1", "a.py"),
        event("UMAMI", "GIT", "FILE-DELETED", "u1", "c1", "a.js"),
        event("ASTRAL", "GIT", "FILE-RENAMED", "u1", "c1", "new.rs", "old.rs"),
    ]
    assert compile_plan(plan, Settings()).check(events) == []
    assert wrong(compile_plan(plan, Settings()), event("PYPI", "GIT", "FILE-ADDEDD", "u1", "c1", "a.py")) == [
        ("events[0].type", "FILE-ADDEDD is not in the tracking plan for product GIT; did you mean FILE-ADDED?")
    ]


def test_a_type_without_keys_takes_no_values(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text('products.SHOP = { columns = ["user"], types = { CLOSED = [] } }\nrules = [{ non_empty = true }]\n')
    checker = compile_plan(load_plan(path), Settings())
    assert checker.lengths() == {"SHOP": {"CLOSED": 0}}
    assert wrong(checker, event("C", "SHOP", "CLOSED")) == []
    assert wrong(checker, event("C", "SHOP", "CLOSED", "u"), event("C", "SHOP", "CLOSED", None, None)) == [
        ("events[0].context", "1 value where CLOSED takes none"),
        ("events[1].context", "2 values where CLOSED takes none"),
    ]
