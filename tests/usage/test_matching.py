"""A selection means the same in Python, on lines of the journal, as in SQL, on stored events."""

import itertools
import random
from typing import Any

import usage_events

from footfall.live.lines import EventLine
from footfall.state import User
from footfall.usage import ParameterReader, compile_matcher, visible_selection

ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)
PLAN = usage_events.PLAN + 'W = ["kind", "who"]\n'
VALUES = ("", "a", "b", "a|b", "ä", "A")
OPERATIONS = (
    *("is:a", "is:", "is not:a", "is not:", "one of:a|b", "contains:a", "contains:", "empty", "not empty"),
    "one_of:a\\|b|ä",
)
KEYS: tuple[tuple[Any, str], ...] = (
    *(("P", "kind"), ("*", "userId"), ("*", "context2"), ("R", "context1"), (["P", "R"], "context1")),
)
SELECTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"customer": "*", "product": "*"},
    {"customer": ["C", "D"], "product": ["P", "R"]},
    *({"types": types} for types in (["T"], ["T*"], ["*"], ["T", "U*"], ["t"])),
    *({"versions": versions} for versions in (["1"], ["1", "2"])),
    *(
        {"product": product, "where": f"{key}:{operation}"}
        for (product, key), operation in itertools.product(KEYS, OPERATIONS)
    ),
    {"where": ["userId:is not:a", "kind:not empty"], "types": "T*", "versions": "1"},
)


def events(place_ms: int) -> list[dict[str, Any]]:
    chance = random.Random(1)
    kinds = [("P", "T"), ("P", "U"), ("P", "V"), ("P", "X"), ("P", "TT"), ("Q", "T"), ("Q", "W"), ("R", "T")]
    return [
        {
            "customer": chance.choice("CCDE"),
            "product": product,
            "type": kind,
            **chance.choice(({}, {"version": ""}, {"version": "1"}, {"version": "2"})),
            "timestamp": place_ms + at,
            "context": chance.choices(VALUES, k=chance.randrange(4)),
        }
        for at, (product, kind) in enumerate(itertools.islice(itertools.cycle(kinds), 240))
    ]


async def test_what_a_selection_takes_in_python_is_what_its_sql_takes(make_place: Any, tmp_path: Any) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    place = make_place(plan=str(tmp_path / "plan.toml"), plan_mode="open")
    made = events(place.now_ms)
    place.load(*made)
    found = set()
    for given in SELECTIONS:
        stored = await place.ask("events", **given, limit=1000)
        every = {"customer": "C", "product": "P", **given}
        texts = {name: [value] if isinstance(value, str) else value for name, value in every.items()}
        reader = ParameterReader(texts, place.settings, place.plan.plan)
        selection = reader.selection()
        reader.refuse()
        selection = visible_selection(ADMIN, selection)
        matches = compile_matcher(selection, place.plan.plan)
        names = ("customer", "product", "type", "context", "version")
        taken = [
            event["timestamp"]
            for event in made
            if matches(EventLine(**{name: event[name] for name in names if name in event}))
        ]
        assert sorted(event.timestamp for event in stored.events) == taken, given
        found.add(tuple(taken))
    # The selections differ, and most of them take some.
    assert len(found) > len(SELECTIONS) // 2
