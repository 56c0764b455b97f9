"""Rules hold for the values in their scope, and for no others."""

import pytest
import re2

from footfall.plan import compile_plan, load_plan
from footfall.settings import Settings, limits
from footfall.wire import StoredEvent

PLAN = """\
customers = ["ACME", "GLOBEX", "INITECH"]
[products.A]
columns = ["user", "item", "note"]
types.USED = ["user", "item", "note?"]
[products.B]
columns = ["user", "place"]
types.WENT = ["user", "place"]
"""
UUID = "3F2b8a64-1c0d-7e5f-9a7b-6c8d9e0f1a2b"


@pytest.fixture
def passes(tmp_path):
    """Whether a plan with some rules lets one event through."""

    def check(rules, customer, *context, product="A", kind="USED"):
        path = tmp_path / "plan.toml"
        path.write_text(PLAN + rules)
        checker = compile_plan(load_plan(path), Settings())
        event = StoredEvent(customer=customer, product=product, type=kind, timestamp=1, context=list(context))
        return checker.check([event]) == []

    return check


VALUES = [
    (
        "uuid = true",
        [UUID, UUID.upper()],
        ["", "x", UUID + "\n", UUID.replace("-", ""), f"{{{UUID}}}", UUID[:-1] + "g"],
    ),
    ("non_empty = true", ["x", " "], [""]),
    ("one_of = ['a', 'b']", ["a", "b"], ["", "A", "ab"]),
    ("one_of = ['a', '']", ["a", ""], ["b"]),
    ("regex = '[0-9]+'", ["1", "12"], ["", "a1", "1a", "1\n"]),
    ("regex = 'a|b'", ["a", "b"], ["ab", "ac"]),
    ("regex = '(a+)+b'", ["aab"], ["a" * 65_536, "a" * 65_536 + "c"]),  # backtracking would take for ever
    ("regex = '.é.'", ["😀éx"], ["\néx", "é"]),
    ("uuid = true\nregex = '3.*'", [UUID], ["4" + UUID[1:], "3"]),
    ("optional = true", ["x", "", None], []),
]


@pytest.mark.parametrize(("demand", "good", "bad"), VALUES)
def test_value_of_a_required_key(passes, demand, good, bad):
    rule = f"[[rules]]\nkeys = ['item']\n{demand}\n"
    assert [passes(rule, "ACME", "u", value, "n") for value in good] == [True] * len(good)
    assert [passes(rule, "ACME", "u", value, "n") for value in bad] == [False] * len(bad)


@pytest.mark.parametrize("demand", ["uuid = true", "one_of = ['a', 'b']", "regex = 'a+'"])
def test_optional_value_is_only_looked_at_when_given(passes, demand):
    rule = f"[[rules]]\nkeys = ['note']\n{demand}\n"
    assert passes(rule, "ACME", "u", "i")
    assert passes(rule, "ACME", "u", "i", "")
    assert passes(rule, "ACME", "u", "i", None)
    assert not passes(rule, "ACME", "u", "i", "wrong")


def test_non_empty_makes_an_optional_key_required(passes):
    rule = "[[rules]]\nkeys = ['note']\nnon_empty = true\n[[rules]]\nkeys = ['note']\noptional = true\n"
    assert passes(rule, "ACME", "u", "i", "n")
    assert not passes(rule, "ACME", "u", "i", "")
    assert not passes(rule, "ACME", "u", "i", None)
    assert not passes(rule, "ACME", "u", "i")


def test_last_word_on_optional_counts(passes):
    rule = "[[rules]]\nkeys = ['note']\noptional = false\n"
    rule += "[[rules]]\ncustomers = ['ACME']\nkeys = ['note']\noptional = true\n"
    assert passes(rule, "ACME", "u", "i")
    assert not passes(rule, "GLOBEX", "u", "i")
    assert passes(rule, "GLOBEX", "u", "i", "")


def test_key_made_optional_in_the_middle_may_be_null_but_not_left_out(passes):
    rule = "[[rules]]\nkeys = ['user']\noptional = true\n"
    assert passes(rule, "ACME", None, "i")
    assert not passes(rule, "ACME", "i")
    rule = "[[rules]]\nkeys = ['item']\noptional = true\n"
    assert passes(rule, "ACME", "u")
    assert passes(rule, "ACME", "u", None, "n")


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ("", {("ACME", "A"), ("ACME", "B"), ("GLOBEX", "A"), ("GLOBEX", "B")}),
        ("customers = ['ACME']", {("ACME", "A"), ("ACME", "B")}),
        ("products = ['A']", {("ACME", "A"), ("GLOBEX", "A")}),
        ("customers = ['ACME', 'INITECH']\nproducts = ['B']", {("ACME", "B")}),
        ("customers = ['GLOBEX']\nkeys = ['user']", {("GLOBEX", "A"), ("GLOBEX", "B")}),
        ("keys = ['place']", set()),
        ("customers = ['INITECH']", set()),
    ],
)
def test_rule_holds_in_its_scope_only(passes, scope, held):
    rule = f"[[rules]]\n{scope}\nnon_empty = true\n"
    refused = {
        (customer, product)
        for customer in ("ACME", "GLOBEX")
        for product, kind in (("A", "USED"), ("B", "WENT"))
        if not passes(rule, customer, "", "x", *["n"] * (product == "A"), product=product, kind=kind)
    }
    assert refused == held


def test_reason_names_the_key_and_what_it_must_be(tmp_path):
    path = tmp_path / "plan.toml"
    choices = [f"c{number}" for number in range(12)]
    path.write_text(f"{PLAN}[[rules]]\nkeys = ['user']\none_of = {choices}\n[[rules]]\nkeys=['note']\nregex='[a-z]+'\n")
    event = StoredEvent(customer="ACME", product="A", type="USED", timestamp=1, context=["secret", "i", "7"])
    (refused,) = compile_plan(load_plan(path), Settings()).check([event])
    assert [str(problem) for problem in refused.problems] == [
        "events[0].context[0]: user must be one of c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ...",
        "events[0].context[2]: note must match the regular expression [a-z]+",
    ]


TGAM = [
    ("ALERT-CREATED", ["u", UUID, "AAPL"], None),
    ("ALERT-CREATED", ["u", UUID], "context"),
    ("ALERT-CREATED", ["u", UUID, ""], "context[2]"),
    ("ALERT-CREATED", ["u", UUID, None], "context[2]"),
    ("ALERT-CREATED", ["u", "not-a-uuid", "AAPL"], "context[1]"),
    ("ALERT-CREATED", ["", UUID, "AAPL"], "context[0]"),
    ("ALERT-STARTED-ALL", ["u"], None),
    ("ALERT-STARTED-ALL", [""], "context[0]"),
    ("WATCHLIST-ACCESSED", ["u", UUID], None),
    ("WATCHLIST-ACCESSED", ["u", "7"], "context[1]"),
    ("WATCHLIST-VIEW-CHANGED", ["u", UUID, ""], "context[2]"),
    ("PORTFOLIO-ACCESSED", ["", "7"], None),
    ("PORTFOLIO-TRANSACTION-CREATED", ["u", "p", "x", None], None),
]


@pytest.mark.parametrize(("kind", "context", "place"), TGAM)
def test_packaged_rules_of_tgam(kind, context, place):
    event = StoredEvent(customer="TGAM", product=kind.split("-")[0], type=kind, timestamp=1, context=context)
    found = compile_plan(load_plan(None), Settings()).check([event])
    assert [problem.where for refused in found for problem in refused.problems] == (
        [f"events[0].{place}"] if place else []
    )


@pytest.mark.parametrize(("kind", "context", "place"), [case for case in TGAM if "context[" in str(case[2])])
def test_packaged_rules_leave_other_customers_alone(kind, context, place):
    event = StoredEvent(customer="BARCHART", product=kind.split("-")[0], type=kind, timestamp=1, context=context)
    assert compile_plan(load_plan(None), Settings()).check([event]) == []


def test_a_value_that_may_cost_an_expression_too_much_is_not_held_against_it(tmp_path, capfd):
    path = tmp_path / "plan.toml"
    path.write_text(f"{PLAN}[[rules]]\nkeys = ['item', 'note']\nregex = '.*-.{{1,200}}'\n")
    checker = compile_plan(load_plan(path), Settings())
    size = re2.compile(".*-.{1,200}").programsize
    most = limits.REGEX_STEPS_MAX // size

    def whys(item, note=""):
        event = StoredEvent(customer="ACME", product="A", type="USED", timestamp=1, context=["u", item, note])
        return [problem.why for refused in checker.check([event]) for problem in refused.problems]

    too_long = f"must have {most} bytes at the most to be held against the regular expression .*-.{{1,200}}"
    good = "é" * ((most - 2) // 2) + "-x"
    assert whys(good) == whys("a-b", good) == []
    assert whys("b" * most) == ["item must match the regular expression .*-.{1,200}"]
    assert whys("é" * (most // 2) + "-x") == [f"item {too_long}"]
    assert whys("a-b", "-" * 65_536) == [f"note {too_long}"]
    # What RE2 writes by itself goes round the log.
    assert capfd.readouterr() == ("", "")


def test_a_plan_with_expressions_bounds_what_the_event_loop_works_on(tmp_path):
    def inline_bytes_max(rules, **changes):
        path = tmp_path / "plan.toml"
        path.write_text(PLAN + rules)
        return compile_plan(load_plan(path), Settings(**changes)).inline_bytes_max

    sizes = [re2.compile(pattern).programsize for pattern in (".{1,200}", "[a-z]{1,9}")]
    long, short = ("[[rules]]\nkeys = ['item']\n%sregex = '.{1,200}'\n", "[[rules]]\nregex = '[a-z]{1,9}'\n")
    assert inline_bytes_max("[[rules]]\nuuid = true\n") == limits.BODY_INLINE_BYTES_MAX
    assert inline_bytes_max(long % "") == limits.REGEX_INLINE_STEPS_MAX // sizes[0]
    assert inline_bytes_max(long % "customers = ['ACME']\n" + short) == limits.REGEX_INLINE_STEPS_MAX // sum(sizes)
    assert inline_bytes_max(short, body_inline_bytes_max=7) == 7
