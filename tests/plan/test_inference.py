"""A plan inferred from events accepts every one of them, and says what was seen."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.plan import Inference, Inferred, Plan, TooManyTypes, compile_plan, load_plan, parse_plan, write_inferred
from footfall.settings import Settings
from footfall.wire import ReceivedEvent

SETTINGS = Settings()
PACKAGED = load_plan(None)
TIME = 1_568_381_886_060
UUID = "3f2b8a64-1c0d-4e5f-9a7b-6c8d9e0f1a2b"


def event(kind: str, *context: str | None, customer: str = "ACME", product: str = "SHOP") -> ReceivedEvent:
    return ReceivedEvent(customer=customer, product=product, type=kind, timestamp=TIME, context=list(context))


def infer(events: list[ReceivedEvent], known: Plan = PACKAGED, **changes: int) -> Inferred:
    inference = Inference(Settings(**changes), known)
    for start in range(0, len(events), 7):
        inference.add(events[start : start + 7])
    return inference.result()


def read(found: Inferred) -> Plan:
    return parse_plan(write_inferred(found).encode(), "inferred.toml")


def contexts(plan: Plan) -> dict[str, list[str]]:
    return {kind.name: [str(key) for key in kind.keys] for kind in plan.types}


NAMES = st.sampled_from(["SHOP", "A b", 'quo"te', "back\\slash", "üñ\u2028", " blank", "x" * 201, "#", "[x]"])
VALUES = st.sampled_from(["", "1", "-20", "007", "9" * 19, UUID, UUID.upper(), "web", 'a"b\\c\n\x1b', "x" * 200, "é"])


@given(
    st.lists(
        st.builds(
            lambda customer, product, kind, values: event(kind, *values, customer=customer, product=product),
            NAMES,
            NAMES,
            st.one_of(NAMES, st.just("ALERT-CREATED")),
            st.lists(st.one_of(VALUES, st.text(max_size=3).filter(lambda text: "\0" not in text)), max_size=4),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([1, 3, 60]),
)
def test_the_plan_accepts_all_that_was_seen(events, repeats):
    found = infer(events * repeats)
    if not found.products:
        return
    checker = compile_plan(read(found), SETTINGS, thorough=True)
    left_out = {(product, kind) for product, kind, *_ in found.left_out}
    assert checker.check([each for each in events if (each.product, each.type) not in left_out]) == []


def test_columns_are_named_by_the_kind_of_their_values_and_their_place():
    events = []
    for number in range(200):
        channel = ("web", "app", "store", "app")[number % 4]
        events.append(event("OPENED", f"user {number}", channel))
        events.append(event("ORDERED", f"user {number}", str(number), UUID, "" if number % 2 else "SPRING"))
        events.append(event("CLOSED"))
    plan = read(infer(events))
    assert plan.customers == ("ACME",)
    assert contexts(plan) == {
        "CLOSED": [],
        "OPENED": ["text1", "choice2"],
        "ORDERED": ["text1", "integer2", "uuid3", "text4?"],
    }
    assert plan.products[0].columns == ("text1", "choice2", "integer2", "uuid3", "text4")
    assert [(rule.keys, rule.non_empty, rule.uuid, rule.one_of, rule.regex) for rule in plan.rules] == [
        (("text1", "choice2", "integer2", "uuid3"), True, False, (), None),
        (("choice2",), False, False, ("app", "store", "web"), None),
        (("integer2",), False, False, (), "-?[0-9]{1,18}"),
        (("uuid3",), False, True, (), None),
    ]


def test_a_few_values_of_few_events_are_no_rule():
    plan = read(infer([event("OPENED", "ada"), event("OPENED", "ben")] * 20))
    assert not any(rule.one_of for rule in plan.rules)


def test_types_that_the_plan_in_force_knows_keep_the_names_of_their_keys():
    events = [event("ALERT-CREATED", "ada", "a-1", product="ALERT"), event("NEW", "ada", product="ALERT")]
    plan = read(infer(events))
    assert contexts(plan) == {"ALERT-CREATED": ["userId", "alertId", "symbol?"], "NEW": ["text1"]}
    assert plan.products[0].columns == ("userId", "alertId", "symbol", "text1")


def test_keys_are_optional_where_a_value_was_left_out_or_empty_at_the_end():
    events = [event("A", "1", "", "x"), event("A", "1", "2", ""), event("A", "1", "2", "x", "y")]
    assert contexts(read(infer(events)))["A"] == ["integer1", "integer2?", "text3?", "text4?"]


def test_comments_have_the_counts():
    text = write_inferred(infer([event("OPENED", f"u{number}") for number in range(1200)]))
    assert 'OPENED = ["text1"]  # 1,200 events' in text
    assert '"text1",  # text, 2 to 5 characters' in text
    assert "# Inferred from 1,200 events of 2019-09-13 to 2019-09-13." in text


def test_names_that_no_plan_can_have_are_left_out_and_said():
    found = infer([event("GOOD", "x"), event(" BAD\x1b[2J", "x"), event("LONG", *["x"] * 65)], context_values_max=100)
    text = write_inferred(found)
    assert contexts(read(found)) == {"GOOD": ["text1"]}
    assert '" BAD\\u001b[2J" of "SHOP", 1 event: has blanks around it' in text
    assert '"LONG" of "SHOP", 1 event: has a context of more than 64 values' in text
    assert "It accepts every one of them, but for 2" in text


def test_customers_are_left_out_when_there_are_too_many():
    found = infer([event("A", customer=f"C{number}") for number in range(4)], infer_types_max=3)
    assert read(found).customers == ()


def test_types_are_bounded_by_the_settings():
    with pytest.raises(TooManyTypes, match="more than 3 types of events"):
        infer([event(f"USER-{number}") for number in range(4)], infer_types_max=3)


def test_different_values_that_are_held_are_bounded_by_the_settings():
    inference = Inference(Settings(infer_choices_max=2), PACKAGED)
    inference.add([event("A", str(number)) for number in range(1000)])
    (seen,) = inference._seen.values()
    assert seen.places[0].choices is None


def test_the_text_of_a_file_is_that_of_its_plan(tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_text(write_inferred(infer([event("OPENED", "x")])), encoding="utf-8")
    assert contexts(load_plan(path)) == {"OPENED": ["text1"]}
