"""Random events and selections: every statistic equals a model in plain Python, and all of them agree."""

from typing import Any

import pytest
import usage_model as model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

PROPERTY = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
INTERVALS = ("hour", "day", "week", "month", "all")


@pytest.fixture
def planned(make_place: Any, tmp_path: Any) -> Any:
    (tmp_path / "plan.toml").write_text(model.PLAN)
    return make_place(plan=str(tmp_path / "plan.toml"), plan_mode="open")


def load(place: Any, events: list[model.Event], parts: int) -> None:
    place.empty()
    for part in range(parts):
        place.load(*events[part::parts])


async def ask(place: Any, name: str, wanted: dict[str, Any], **more: Any) -> Any:
    return await place.ask(name, **{**wanted, **more})


def shown(row: Any) -> dict[str, int]:
    return {name: getattr(row, name) for name in ("events", "duplicates", "late")}


def key(row: Any, *by: str) -> tuple[Any, ...]:
    keys = {} if row.values is UNSET else row.values
    return (row.start or 0, *(keys[name] if name in keys else getattr(row, name) for name in by))


@given(
    events=model.events,
    wanted=model.selections,
    interval=st.sampled_from(INTERVALS),
    by=st.lists(st.sampled_from(("type", "product", "customer", "version", "kind")), max_size=2, unique=True),
    parts=st.integers(1, 3),
    few=st.sampled_from((0, 10_000)),
)
@PROPERTY
async def test_counts_equal_the_model(
    planned: Any, monkeypatch: Any, events: Any, wanted: Any, interval: str, by: list[str], parts: int, few: int
) -> None:
    monkeypatch.setattr("footfall.usage.numbers.FEW_MAX", few)
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 5)
    load(planned, events, parts)
    expected = model.Model(events, wanted, planned.settings.late_after_s * 1000)
    found = await ask(planned, "counts", wanted, interval=interval, by=by or ["none"])
    assert shown(found.total) == expected.total()
    groups = expected.grouped(interval, *by)
    assert {key(row, *by): shown(row) for row in found.counts} == {
        name: expected.numbers(group) for name, group in groups.items()
    }
    top = await ask(planned, "counts", wanted, interval=interval, by=by or ["none"], top=1)
    assert shown(top.total) == expected.total()
    summary = await ask(planned, "summary", wanted, interval=interval)
    assert shown(summary.total) == expected.total()
    for rows in (summary.summary, summary.types, summary.products, summary.customers, summary.versions):
        assert sum(row.events for row in rows) == len(expected.events)
    assert summary.total.actors == expected.actors()


@given(
    events=model.events,
    wanted=model.selections,
    interval=st.sampled_from(INTERVALS),
    days=st.sampled_from((1, 7, 30)),
    parts=st.integers(1, 3),
)
@PROPERTY
async def test_uniques_equal_the_model(
    planned: Any, events: Any, wanted: Any, interval: str, days: int, parts: int
) -> None:
    load(planned, events, parts)
    expected = model.Model(events, wanted, planned.settings.late_after_s * 1000)
    found = await ask(planned, "uniques", wanted, interval=interval, rolling=days)
    assert shown(found.total) == expected.total()
    assert {row.start: row.uniques for row in found.uniques} == expected.uniques(interval)
    assert found.total.uniques == expected.actors()
    assert found.total.without == sum(model.actor(event) is None for event in expected.events)
    about = await ask(planned, "uniques", wanted, interval=interval, approximate="true")
    # So few are counted exactly by the estimate too.
    assert (about.uniques, about.total, about.exact) == (found.uniques, found.total, False)


@given(
    events=model.events,
    wanted=model.selections,
    interval=st.sampled_from(("day", "week", "month")),
    first=st.sampled_from(([], ["T"])),
    returning=st.sampled_from(([], ["U"])),
)
@PROPERTY
async def test_retention_equals_the_model(
    planned: Any, events: Any, wanted: Any, interval: str, first: list[str], returning: list[str]
) -> None:
    load(planned, events, 1)
    wanted = wanted | {"asOf": 6}
    expected = model.Model(events, wanted, 1).retention(interval, first, returning)
    found = await ask(planned, "retention", wanted, interval=interval, first=first, returning=returning, periods=100)
    assert {cohort.start: cohort.actors for cohort in found.retention} == {
        start: size for start, (size, _) in expected.items()
    }
    assert found.total.actors == sum(size for size, _ in expected.values())


@given(
    events=model.events,
    wanted=model.selections,
    steps=st.lists(st.sampled_from(("T", "U", "T;kind:is:a", "*", "V")), min_size=2, max_size=4),
    window=st.sampled_from((0, model.HOUR_MS, model.DAY_MS, 5 * model.DAY_MS, 400 * model.DAY_MS)),
    strict=st.booleans(),
)
@PROPERTY
async def test_funnels_equal_the_model(
    planned: Any, events: Any, wanted: Any, steps: list[str], window: int, strict: bool
) -> None:
    load(planned, events, 2)
    expected = model.Model(events, wanted, planned.settings.late_after_s * 1000)
    order = "strict" if strict else "loose"
    found = await ask(planned, "funnel", wanted, step=steps, window=f"{max(window, 1)}ms", order=order)
    actors, times = expected.funnel(steps, max(window, 1), strict=strict)
    assert [step.actors for step in found.funnel] == actors
    medians = [UNSET, *(model.median(took) if took else UNSET for took in times[1:])]
    assert [step.median for step in found.funnel] == medians
    assert shown(found.total) == expected.total()
    split = await ask(planned, "funnel", wanted, step=steps, window=f"{max(window, 1)}ms", order=order, by="version")
    assert [sum(group.funnel[at].actors for group in split.groups) for at in range(len(steps))] == actors


@given(
    events=model.events,
    wanted=model.selections,
    kind=st.sampled_from("TU"),
    direction=st.sampled_from(("after", "before")),
    levels=st.integers(1, 3),
)
@PROPERTY
async def test_paths_tops_types_and_events_equal_the_model(
    planned: Any, events: Any, wanted: Any, kind: str, direction: str, levels: int
) -> None:
    load(planned, events, 2)
    expected = model.Model(events, wanted, planned.settings.late_after_s * 1000)
    found = await ask(planned, "paths", wanted, type=kind, direction=direction, levels=levels, top=1000)
    paths = expected.paths(kind, direction, levels)
    assert {tuple(path.types): path.events for path in found.paths} == paths
    assert found.total.anchors == sum(paths.values())
    top = await ask(planned, "top", wanted, key="kind", top=1000)
    values = [model.value(event, "kind") for event in expected.events]
    assert {row.value: row.events for row in top.top} == {one: values.count(one) for one in set(values) - {""}}
    assert (top.total.values, top.total.withValue) == (len(set(values) - {""}), sum(one != "" for one in values))
    types = await ask(planned, "types", wanted)
    seen = {(row.product, row.type): (row.events, row.first, row.last) for row in types.types if row.events}
    names = {(event["product"], event["type"]) for event in expected.events}
    for name in names:
        times = [event["timestamp"] for event in expected.events if (event["product"], event["type"]) == name]
        assert seen.pop(name) == (len(times), times[0], times[-1])
    assert not seen
    listed, after = [], ""
    while after is not UNSET:
        page = await ask(planned, "events", wanted, limit=7, after=after)
        listed, after = listed + page.events, page.next
    assert [(event.timestamp, event.batch, event.sequence) for event in listed] == [
        (event["timestamp"], event["batch"], event["sequence"]) for event in reversed(expected.events)
    ]
