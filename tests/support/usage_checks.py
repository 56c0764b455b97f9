"""Each statistic, asked and compared with the model in plain Python."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import UNSET
from usage_model import COLUMNS, Funnel, Model, is_step, value

Ask = Callable[..., Awaitable[Any]]
KINDS = ("counts", "uniques", "retention", "funnel", "paths", "top", "compare", "summary", "events", "types")


def shown(row: Any) -> dict[str, int]:
    return {name: getattr(row, name) for name in ("events", "duplicates", "late")}


def key(row: Any, *by: str) -> tuple[Any, ...]:
    """The start and the values of a row; None for all others."""
    keys = {} if row.values is UNSET else row.values
    others = () if row.others is UNSET else row.others
    found = [None if name in others else keys[name] if name in keys else getattr(row, name) for name in by]
    return (row.start or 0, *found)


async def check_counts(ask: Ask, model: Model, *, interval: str = "day", by: list[str], **more: Any) -> Any:
    """With `top`, `fill` and `compare`, as they are given."""
    answer = await ask("counts", **model.wanted, interval=interval, by=by or ["none"], **more)
    assert shown(answer.total) == model.total()
    groups = model.grouped(interval, *by, top=more.get("top", 0))
    expected = {name: model.numbers(group) for name, group in groups.items()}
    if more.get("fill") == "true" and groups and interval != "all":
        expected = filled(model, interval, expected)
    found = {key(row, *by): shown(row) for row in answer.counts}
    assert found == expected
    assert len(found) == len(answer.counts)
    if "compare" in more:
        earlier = model.earlier(more["compare"])
        assert (answer.compared.start, answer.compared.end) == (earlier.first_ms, earlier.last_ms)
        assert shown(answer.compared.total) == earlier.total()
        before = earlier.grouped(interval, *by, top=more.get("top", 0))
        if "fill" not in more:
            assert {key(row, *by): shown(row)["events"] for row in answer.compared.counts} == {
                name: earlier.numbers(group)["events"] for name, group in before.items()
            }
    return answer


def filled(model: Model, interval: str, numbers: dict[Any, Any]) -> dict[Any, Any]:
    """The numbers with zeros for the intervals that have none."""
    starts = [start for start, *_ in numbers]
    first = min(starts) if model.by_receipt else model.wanted.get("start", min(starts))
    last = max(starts)
    if not model.by_receipt and "end" in model.wanted:
        last = min(model.last_ms, model.wanted["asOf"])
    zero = dict.fromkeys(("events", "duplicates", "late"), 0)
    values = {tuple(rest) for _, *rest in numbers}
    every = model.between(first, last, interval) if first <= last else []
    return {(start, *rest): zero for start in every for rest in values} | numbers


async def check_uniques(
    ask: Ask, model: Model, *, interval: str = "day", days: tuple[int, ...] = (), instead: str = ""
) -> Any:
    """`days` are those of rolling numbers; the values of the key `instead` are counted instead of actors."""
    model = model.by_key(instead)
    answer = await ask("uniques", **model.wanted, interval=interval, rolling=list(map(str, days)), key=instead)
    assert shown(answer.total) == model.total()
    assert {row.start: row.uniques for row in answer.uniques} == model.uniques(interval)
    assert answer.total.uniques == model.actors_of(model.events)
    assert answer.total.without == sum(model.actor(event) is None for event in model.events)
    for rolled in answer.rolling or ():
        assert {row.start: row.uniques for row in rolled.uniques} == model.rolling(rolled.days), rolled.days
    return answer


async def check_retention(
    ask: Ask,
    model: Model,
    *,
    interval: str = "week",
    first: list[str],
    returning: list[str],
    periods: int = 8,
    instead: str = "",
) -> Any:
    model = model.by_key(instead)
    given = {"interval": interval, "first": first, "returning": returning, "periods": periods, "key": instead}
    answer = await ask("retention", **model.wanted, **given)
    expected = model.retention(interval, first, returning, periods)
    assert shown(answer.total) == model.total()
    assert [(one.start, one.actors) for one in answer.retention] == [
        (start, expected[start].actors) for start in sorted(expected)
    ]
    for one in answer.retention:
        assert [(each.start, each.actors, each.complete) for each in one.periods] == expected[one.start].periods
    assert answer.total.actors == sum(cohort.actors for cohort in expected.values())
    over: dict[int, list[int]] = {}
    for cohort in expected.values():
        for period, (_, actors, complete) in enumerate(cohort.periods):
            if complete:
                back, of = over.get(period, (0, 0))
                over[period] = [back + actors, of + cohort.actors]
    assert {each.period: [each.actors, each.of] for each in answer.total.periods} == over
    return answer


async def check_funnel(
    ask: Ask, model: Model, *, steps: list[str], window_ms: int, strict: bool, by: str = "", instead: str = ""
) -> Any:
    model = model.by_key(instead)
    given = {"step": steps, "window": f"{window_ms}ms", "order": "strict" if strict else "loose", "key": instead}
    answer = await ask("funnel", **model.wanted, **given, by=[by] if by else [])
    expected = model.funnel(steps, window_ms, strict=strict)
    assert [step.actors for step in answer.funnel] == expected.actors
    assert [step.median or None for step in answer.funnel] == [each or None for each in expected.medians()]
    assert shown(answer.total) == model.total()
    assert (answer.total.actors, answer.total.converted) == (expected.actors[0], expected.actors[-1])
    for step, actors in zip(answer.funnel, expected.actors, strict=True):
        assert step.conversion == (round(actors / expected.actors[0], 6) if actors else 0)
    if by:
        grouped: dict[str, list[Any]] = {}
        for events in model.by_actor().values():
            begin = next((event for event in events if is_step(event, steps[0])), None)
            if begin is not None:
                grouped.setdefault(value(begin, by), []).append(events)
        assert {group.value: [step.actors for step in group.funnel] for group in answer.groups} == {
            name: Funnel(events, steps, window_ms, strict=strict).actors for name, events in grouped.items()
        }
    return answer


async def check_paths(ask: Ask, model: Model, *, kind: str, direction: str, levels: int, instead: str = "") -> Any:
    model = model.by_key(instead)
    given = {"type": kind, "direction": direction, "levels": levels, "key": instead}
    answer = await ask("paths", **model.wanted, **given, top=1000)
    paths = model.paths(kind, direction, levels)
    assert {tuple(path.types): (path.events, path.actors) for path in answer.paths} == paths
    assert answer.total.anchors == sum(events for events, _ in paths.values())
    of_kind = [event for event in model.events if event["type"] == kind]
    assert answer.total.actors == model.actors_of(of_kind)
    assert shown(answer.total) == model.total()
    return answer


async def check_top(ask: Ask, model: Model, *, name: str, top: int = 1000) -> Any:
    answer = await ask("top", **model.wanted, key=name, top=top)
    grouped: dict[str, list[Any]] = {}
    for event in model.events:
        if value(event, name):
            grouped.setdefault(value(event, name), []).append(event)
    ranked = sorted(grouped, key=lambda each: (-len(grouped[each]), each.encode()))[:top]
    assert [(row.value, row.events, row.actors) for row in answer.top] == [
        (each, len(grouped[each]), model.actors_of(grouped[each])) for each in ranked
    ]
    assert (answer.total.values, answer.total.withValue) == (len(grouped), sum(map(len, grouped.values())))
    assert answer.total.actors == model.actors_of(event for events in grouped.values() for event in events)
    return answer


async def check_compare(ask: Ask, model: Model, *, kind: str, by: list[str]) -> Any:
    answer = await ask("compare", **model.wanted, compare=kind, by=by or ["none"])
    earlier = model.earlier(kind)
    assert answer.before == (earlier.first_ms, earlier.last_ms)
    now, before = model.grouped("all", *by), earlier.grouped("all", *by)
    assert {key_of(row, by): (row.events, row.before) for row in answer.compare} == {
        name[1:]: (model.numbers(now.get(name, []))["events"], earlier.numbers(before.get(name, []))["events"])
        for name in {*now, *before}
    }
    assert shown(answer.total) == model.total()
    assert answer.total.before == len(earlier.events)
    assert (answer.total.actors, answer.total.actorsBefore) == (
        model.actors_of(model.events),
        earlier.actors_of(earlier.events),
    )
    return answer


def key_of(row: Any, by: list[str]) -> tuple[Any, ...]:
    return tuple(getattr(row, name) if name in COLUMNS else row.values[name] for name in by)


async def check_summary(ask: Ask, model: Model, *, interval: str = "day", **more: Any) -> Any:
    answer = await ask("summary", **model.wanted, interval=interval, **more)
    assert shown(answer.total) == model.total()
    assert answer.total.actors == model.actors_of(model.events)
    assert {row.start or 0: shown(row) for row in answer.summary} == {
        start: model.numbers(group) for (start,), group in model.grouped(interval).items()
    }
    lists = {"type": answer.types, "product": answer.products, "customer": answer.customers, "version": answer.versions}
    for name, rows in lists.items():
        assert {key(row, name): shown(row) for row in rows} == {
            each: model.numbers(group) for each, group in model.grouped("all", name, top=10).items()
        }
    if "compare" in more:
        earlier = model.earlier(more["compare"])
        assert shown(answer.compared) == earlier.total()
        assert answer.compared.actors == earlier.actors_of(earlier.events)
    return answer


async def check_types(ask: Ask, model: Model) -> Any:
    answer = await ask("types", **model.wanted)
    found = {(row.product, row.type): (row.events, row.first, row.last) for row in answer.types if row.events}
    times: dict[Any, list[int]] = {}
    for event in model.events:
        times.setdefault((event["product"], event["type"]), []).append(event["timestamp"])
    assert found == {name: (len(each), each[0], each[-1]) for name, each in times.items()}
    return answer


async def check_events(ask: Ask, model: Model, *, limit: int = 7) -> Any:
    """All pages."""
    listed, after, first = [], "", None
    while after is not UNSET:
        page = await ask("events", **model.wanted, limit=limit, after=after)
        first = first or page
        listed, after = listed + page.events, page.next
    names = ("customer", "product", "type", "version", "timestamp", "context", "batch", "sequence", "received")
    assert [tuple(getattr(event, name) for name in names) for event in listed] == [
        tuple(event[name] for name in names) for event in reversed(model.events)
    ]
    assert shown(first.total) == model.total()
    return first


def check_report(lines: bytes, model: Model) -> None:
    """The rows of a report's file, JSON lines; of several customers or products, each has its own together."""
    rows = [json.loads(line) for line in lines.splitlines()]
    names = ("customer", "product", "timestamp", "type") if rows and "customer" in rows[0] else ("timestamp", "type")
    events = sorted(model.events, key=lambda event: [event[name] for name in names[:-2]])
    assert [[row[name] for name in names] for row in rows] == [[event[name] for name in names] for event in events]
