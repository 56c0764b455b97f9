"""For any plan: events made from it pass, and one that is spoilt is refused at its index and place."""

import json
import uuid

from hypothesis import given
from hypothesis import strategies as st

from footfall.plan import compile_plan, load_plan
from footfall.settings import Settings
from footfall.wire import StoredEvent

NAMES = st.text(alphabet="ABab-_ .?é\"'", min_size=1, max_size=6).filter(lambda text: text == text.strip(" ?"))


@st.composite
def plans(draw):
    """A plan file's text, with a rule for each key of one customer or of all."""
    customers = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    text = f"customers = {_quoted(customers)}\n"
    for product in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        columns = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
        text += f"[products.{_quoted(product)}]\ncolumns = {_quoted(columns)}\n"
        for kind in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
            keys = draw(st.lists(st.sampled_from(columns), unique=True))
            required = draw(st.integers(0, len(keys)))
            marked = [key if place < required else f"{key}?" for place, key in enumerate(keys)]
            text += f"types.{_quoted(kind)} = {_quoted(marked)}\n"
    return text


def _quoted(value):
    return json.dumps(value, ensure_ascii=False)


def _good_events(draw, plan, count):
    """Events that fit the plan; trailing optional values are left out or null at random."""
    events = []
    for _ in range(count):
        kind = draw(st.sampled_from(plan.types))
        context = [draw(st.sampled_from(["", "x"] + [None] * key.optional)) for key in kind.keys]
        least = len([key for key in kind.keys if not key.optional])
        context = context[: draw(st.integers(least, len(context)))]
        customer = draw(st.sampled_from(plan.customers))
        events.append(
            StoredEvent(customer=customer, product=kind.product, type=kind.name, timestamp=1, context=context)
        )
    return events


def _places(refused):
    return [(each.index, [problem.where for problem in each.problems]) for each in refused]


@given(text=plans(), data=st.data())
def test_events_made_from_the_plan_pass_and_spoilt_ones_are_refused(tmp_path_factory, text, data):
    path = tmp_path_factory.mktemp("plans") / "plan.toml"
    path.write_text(text)
    plan = load_plan(path)
    checker = compile_plan(plan, Settings())
    events = _good_events(data.draw, plan, data.draw(st.integers(1, 6)))
    assert checker.check(events) == []
    assert all(value is not None for event in events for value in event.context)

    index = data.draw(st.integers(0, len(events) - 1))
    spoilt = events[index]
    keys = next(kind.keys for kind in plan.types if (kind.product, kind.name) == (spoilt.product, spoilt.type))
    match data.draw(st.sampled_from(["customer", "product", "type", "more", "fewer", "null"])):
        case "customer" | "product" | "type" as field:
            setattr(spoilt, field, "no such name")
            place = field
        case "fewer" if keys and not keys[0].optional:
            spoilt.context.clear()
            place = "context"
        case "null" if keys and not keys[0].optional:
            spoilt.context[0] = None
            place = "context[0]"
        case _:
            spoilt.context += ["x"] * (len(keys) + 1 - len(spoilt.context))
            place = "context"
    assert _places(checker.check(events)) == [(index, [f"events[{index}].{place}"])]
    if place in {"customer", "product", "type"}:
        assert compile_plan(plan, Settings(plan_mode="open")).check(events) == []


GOOD = {"uuid": str(uuid.UUID(int=7)), "one_of": "b", "regex": "42", "non_empty": "x"}
DEMANDS = {"uuid": "true", "one_of": "['a', 'b']", "regex": "'[0-9]+'", "non_empty": "true"}


@given(demands=st.lists(st.sampled_from(sorted(DEMANDS)), min_size=1, max_size=5), data=st.data())
def test_value_against_its_rule_is_refused_at_its_place(tmp_path_factory, demands, data):
    path = tmp_path_factory.mktemp("plans") / "plan.toml"
    keys = [f"k{place}" for place in range(len(demands))]
    rules = [
        f"[[rules]]\ncustomers = ['RULED']\nkeys = ['{key}']\n{demand} = {DEMANDS[demand]}\n"
        for key, demand in zip(keys, demands, strict=True)
    ]
    path.write_text(
        f"customers = ['RULED', 'FREE']\n[products.P]\ncolumns = {keys}\ntypes.T = {keys}\n{''.join(rules)}"
    )
    checker = compile_plan(load_plan(path), Settings())
    context = [GOOD[demand] for demand in demands]
    wrong = data.draw(st.sets(st.integers(0, len(keys) - 1)))
    spoilt = ["" if place in wrong else value for place, value in enumerate(context)]
    events = [
        StoredEvent(customer="RULED", product="P", type="T", timestamp=1, context=context),
        StoredEvent(customer="FREE", product="P", type="T", timestamp=1, context=spoilt),
        StoredEvent(customer="RULED", product="P", type="T", timestamp=1, context=spoilt),
    ]
    expected = [(2, [f"events[2].context[{place}]" for place in sorted(wrong)])] if wrong else []
    assert _places(checker.check(events)) == expected
