"""Random events and selections: every statistic equals a model in plain Python, and all of them agree."""

from functools import partial
from typing import Any

import pytest
import usage_checks as checks
import usage_events as made
from hypothesis import given
from hypothesis import strategies as st
from usage_events import examples
from usage_model import Model

PROPERTY = examples(6)
INTERVALS = ("hour", "day", "week", "month", "all")
COMPARISONS = st.sampled_from(({}, {"compare": "previous"}, {"compare": "year"}))


@pytest.fixture
def planned(make_place: Any, tmp_path: Any) -> Any:
    (tmp_path / "plan.toml").write_text(made.PLAN)
    return make_place(plan=str(tmp_path / "plan.toml"), plan_mode="open", usage_cache_bytes_max=0)


def load(place: Any, events: list[made.Event], wanted: dict[str, Any], parts: int) -> Model:
    """Load the events anew; gives the model of a selection of them."""
    place.empty()
    for part in range(parts):
        place.load(*events[part::parts])
    return Model(events, wanted, place.settings.late_after_s * 1000)


@given(
    events=made.events,
    wanted=made.selections,
    interval=st.sampled_from(INTERVALS),
    by=st.lists(st.sampled_from(("type", "product", "customer", "version", "kind")), max_size=2, unique=True),
    parts=st.integers(1, 3),
    few=st.sampled_from((0, 10_000)),
    compare=COMPARISONS,
)
@PROPERTY
async def test_counts_equal_the_model(
    planned: Any,
    monkeypatch: Any,
    events: Any,
    wanted: Any,
    interval: str,
    by: list[str],
    parts: int,
    few: int,
    compare: dict[str, str],
) -> None:
    monkeypatch.setattr("footfall.usage.numbers.FEW_MAX", few)
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 5)
    model, ask = load(planned, events, wanted, parts), planned.ask
    if not {"start", "end"} <= wanted.keys():
        compare = {}
    await checks.check_counts(ask, model, interval=interval, by=by, **compare)
    await checks.check_counts(ask, model, interval=interval, by=by, top=1)
    if interval in ("week", "month"):
        await checks.check_counts(ask, model, interval=interval, by=by, fill="true")
    await checks.check_summary(ask, model, interval=interval, **compare)
    if compare:
        await checks.check_compare(ask, model, kind=compare["compare"], by=by)


@given(
    events=made.events,
    wanted=made.selections,
    interval=st.sampled_from(INTERVALS),
    days=st.sampled_from((1, 7, 30)),
    parts=st.integers(1, 3),
)
@PROPERTY
async def test_uniques_equal_the_model(
    planned: Any, events: Any, wanted: Any, interval: str, days: int, parts: int
) -> None:
    model = load(planned, events, wanted, parts)
    found = await checks.check_uniques(planned.ask, model, interval=interval, days=(days,))
    about = await planned.ask("uniques", **wanted, interval=interval, approximate="true")
    # So few are counted exactly by the estimate too.
    assert (about.uniques, about.total, about.exact) == (found.uniques, found.total, False)


@given(
    events=made.events,
    wanted=made.selections,
    interval=st.sampled_from(("day", "week", "month")),
    first=st.sampled_from(([], ["T"])),
    returning=st.sampled_from(([], ["U"])),
    periods=st.sampled_from((1, 8, 100)),
)
@PROPERTY
async def test_retention_equals_the_model(
    planned: Any, events: Any, wanted: Any, interval: str, first: list[str], returning: list[str], periods: int
) -> None:
    model = load(planned, events, wanted, 1)
    await checks.check_retention(
        planned.ask, model, interval=interval, first=first, returning=returning, periods=periods
    )


@given(
    events=made.events,
    wanted=made.selections,
    steps=st.lists(st.sampled_from(("T", "U", "T;kind:is:a", "*", "V")), min_size=2, max_size=4),
    window=st.sampled_from((1, made.HOUR_MS, made.DAY_MS, 5 * made.DAY_MS, 400 * made.DAY_MS)),
    strict=st.booleans(),
    by=st.sampled_from(("", "version", "kind")),
)
@PROPERTY
async def test_funnels_equal_the_model(
    planned: Any, events: Any, wanted: Any, steps: list[str], window: int, strict: bool, by: str
) -> None:
    model = load(planned, events, wanted, 2)
    await checks.check_funnel(planned.ask, model, steps=steps, window_ms=window, strict=strict, by=by)


@given(
    events=made.events,
    wanted=made.selections,
    kind=st.sampled_from("TU"),
    direction=st.sampled_from(("after", "before")),
    levels=st.integers(1, 3),
    name=st.sampled_from(("kind", "type", "version")),
)
@PROPERTY
async def test_paths_tops_types_and_events_equal_the_model(
    planned: Any, events: Any, wanted: Any, kind: str, direction: str, levels: int, name: str
) -> None:
    ask, model = partial(planned.ask), load(planned, events, wanted, 2)
    await checks.check_paths(ask, model, kind=kind, direction=direction, levels=levels)
    await checks.check_top(ask, model, name=name)
    await checks.check_types(ask, model)
    await checks.check_events(ask, model)
