"""Events of one actor at one time have an order in funnels: that of their batches, and of their sequences in one."""

import uuid
from typing import Any

import pytest
import rolled_up as rolled
from rolled_up import TIMES, event

# The engine has them in the order of their lower halves, then of the upper.
FIRST, SECOND, THIRD = (str(uuid.UUID(int=number)) for number in ((9 << 64) | 1, (1 << 64) | 2, (2 << 64) | 2))
FAR_MS = 2**60


async def funnel(place: Any, **given: Any) -> list[int]:
    asked = {"step": ["T", "U", "T"], "window": "1d", "key": "context1", **given}
    answer = await place.ask("funnel", asOf=1_760_000_000_000, **asked)
    return [step.actors for step in answer.funnel]


@pytest.fixture
def load(make_place: Any, make_segment: Any) -> Any:
    place = make_place(usage_cache_bytes_max=0)
    store = rolled.Place(place.settings, make_segment)

    def load(*kinds: tuple[str, str, int], time_ms: int = TIMES[0]) -> Any:
        store.load(
            *(
                event(type=kind, batch=batch, sequence=sequence, timestamp=time_ms, received=1)
                for kind, batch, sequence in kinds
            )
        )
        return place

    yield load
    store.store.close()


@pytest.mark.parametrize("time_ms", [TIMES[0], FAR_MS, -5])
@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("T", FIRST, 1), ("U", SECOND, 1), ("T", THIRD, 1)], [1, 1, 1]),
        ([("T", FIRST, 1), ("T", SECOND, 1), ("U", THIRD, 1)], [1, 1, 0]),
        ([("U", FIRST, 1), ("T", SECOND, 1), ("T", THIRD, 1)], [1, 0, 0]),
        ([("T", FIRST, 1), ("U", FIRST, 2), ("T", FIRST, 3)], [1, 1, 1]),
        ([("T", FIRST, 300), ("U", FIRST, 2), ("T", FIRST, 70_000)], [1, 0, 0]),
    ],
)
async def test_equal_times_are_in_the_order_of_identity(
    load: Any, events: list[tuple[str, str, int]], expected: list[int], time_ms: int
) -> None:
    place = load(*events, time_ms=time_ms)
    for order in ("loose", "strict"):
        assert await funnel(place, order=order) == expected
    answer = await place.ask("funnel", step=["T", "U", "T"], key="context1", by="type", asOf=1_760_000_000_000)
    assert [step.actors for step in answer.groups[0].funnel] == expected


async def test_the_order_of_equal_events_is_asked_for_only_where_it_matters(load: Any, monkeypatch: Any) -> None:
    place = load(("T", FIRST, 1), ("T", SECOND, 1))
    asked: list[str] = []
    rows = type(place.store).rows
    monkeypatch.setattr(
        type(place.store), "rows", lambda self, query, *more: asked.append(query) or rows(self, query, *more)
    )
    assert await funnel(place) == [1, 0, 0]
    assert not any("reinterpretAsUInt128(batch)" in query for query in asked)
    load(("U", THIRD, 1))
    assert await funnel(place) == [1, 1, 0]
    assert any("reinterpretAsUInt128(batch)" in query for query in asked)
