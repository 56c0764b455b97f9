"""What was refused, by kind, on both databases."""

from msgspec import structs

from footfall.state import RefusedKind, State
from footfall.state.refusals import KEPT_MS

KIND = RefusedKind(
    customer="C",
    product="P",
    type="T",
    code="EVENT_NOT_IN_PLAN",
    place="type",
    reason="is not in the plan",
    events=2,
    first_ms=10,
    last_ms=20,
)


def test_the_same_kind_is_added_up_and_others_stand_beside_it(state: State) -> None:
    state.refusals.add([KIND], 20, 10)
    later = structs.replace(KIND, events=3, first_ms=30, last_ms=40)
    other = structs.replace(KIND, code="REQUEST_INPUT_MALFORMED", events=1, last_ms=50)
    state.refusals.add([later, other], 50, 10)
    both = structs.replace(KIND, events=5, last_ms=40)
    assert state.refusals.all(10) == [both, other]
    assert state.refusals.newest(10) == [other, both]
    assert state.refusals.all(10, "EVENT_NOT_IN_PLAN") == [both]
    assert state.refusals.newest(1) == [other]


def test_what_is_old_or_too_much_is_forgotten_that_with_the_fewest_events_first(state: State) -> None:
    kinds = [structs.replace(KIND, type=f"T{number}", events=number) for number in (3, 1, 2)]
    state.refusals.add(kinds, 20, 2)
    assert [kind.type for kind in state.refusals.all(10)] == ["T3", "T2"]
    newer = structs.replace(KIND, last_ms=KEPT_MS + 21)
    state.refusals.add([newer], KEPT_MS + 21, 10)
    assert state.refusals.all(10) == [newer]
