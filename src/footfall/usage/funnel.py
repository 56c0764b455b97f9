"""Funnels: how many actors go through ordered steps within a time, and how long each step takes them.

An actor reaches a step by an event of each step up to it, each after the one before, and the last at most `window`
after the first. Events are in order by timestamp, then batch, then sequence: those of one millisecond too have an
order, the same at every look. With the order `strict`, an event counts for a step only directly after the event of the
step before; with `loose`, other events may lie between.

For an event that could be of a step, the statement keeps the latest time at which the first step of a chain to it may
have been. So each actor's events are looked at once for each step.

Sorting events takes most of the time and memory. So each is one number: first of its time and steps alone, which has
them in order as long as no actor has two events of one time that could be of different steps. The statement counts such
actors; where there are any, it is run again with numbers that have batch and sequence too.
"""

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from footfall.usage.counts import Total
from footfall.usage.grouping import Dimension, dimension_value
from footfall.usage.numbers import total_of
from footfall.usage.query import Answer, Query
from footfall.usage.request import ParameterReader
from footfall.usage.selection import TIME_MS_LEAST, Condition, EventSelection, condition_text, type_condition
from footfall.usage.uniques import actor_of

STEPS_MIN, STEPS_MAX = 2, 10
ORDERS: Final = ("loose", "strict")
_NONE = "toInt64({none:Int64})"
# Each actor's events in order, as arrays of their times and of the steps that they can be of.
_BY_TIME: Final = """arraySort(groupArray(
                if(timestamp BETWEEN -4503599627370496 AND 4503599627370495,
                    bitShiftLeft(toUInt64(timestamp + 4503599627370496), 10) + mask, 0)
            )) AS found,
            arrayMap(one -> toInt64(bitShiftRight(one, 10)) - 4503599627370496, found) AS times,
            arrayMap(one -> toUInt16(bitAnd(one, 1023)), found) AS masks,
            found[1] = 0 OR arrayExists(
                (one, next) -> one != next AND bitShiftRight(one, 10) = bitShiftRight(next, 10),
                found,
                arrayPushBack(arrayPopFront(found), toUInt64(0))
            ) AS is_tied"""
_BY_IDENTITY: Final = """arraySort(groupArray(
                bitShiftLeft(toUInt256(bitXor(reinterpretAsUInt64(timestamp), 9223372036854775808)), 176)
                    + bitShiftLeft(toUInt256(reinterpretAsUInt128(batch)), 48)
                    + bitShiftLeft(toUInt256(sequence), 16)
                    + mask
            )) AS found,
            arrayMap(
                one -> reinterpretAsInt64(bitXor(toUInt64(bitShiftRight(one, 176)), 9223372036854775808)), found
            ) AS times,
            arrayMap(one -> toUInt16(bitAnd(one, 1023)), found) AS masks,
            false AS is_tied"""
# ... and of the values by which the funnel is broken down.
_WITH_VALUES: Final = """arraySort(groupArray((timestamp, batch, sequence, mask, value))) AS found,
            arrayMap(one -> one.1, found) AS times,
            arrayMap(one -> one.4, found) AS masks,
            arrayMap(one -> one.5, found) AS step_values,
            false AS is_tied"""


class Step(Struct, frozen=True):
    """What an event of a step is: of a type (or types that begin so), with conditions on its keys."""

    type: str
    where: tuple[Condition, ...] = ()

    def __str__(self) -> str:
        return ";".join([self.type, *map(str, self.where)])


class StepReached(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So many actors reached a step: as a share of those of the first step, and of the step before.

    `median` is the median time in ms from the event of the step before to the one by which an actor first reached it.
    """

    step: str
    actors: int
    conversion: float
    fromPrevious: float  # noqa: N815 - the wire's own name
    median: float | UnsetType = UNSET


class FunnelGroup(Struct, frozen=True):
    """The funnel of the actors whose first event of the first step has this value."""

    value: str
    funnel: list[StepReached]


class FunnelTotal(Total, frozen=True, kw_only=True):
    """The total of the selected events, and of the actors that reached the first and the last step."""

    actors: int
    converted: int


class Funnel(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """A funnel, and the same for each value of a key."""

    window: int
    order: str
    key: str
    total: FunnelTotal
    funnel: list[StepReached]
    groups: list[FunnelGroup] | UnsetType = UNSET


class FunnelRequest(Struct, frozen=True, kw_only=True):
    """The steps in order, and the most ms from the first to the last."""

    selection: EventSelection
    steps: tuple[Step, ...]
    window_ms: int
    order: str
    key: Dimension | None
    by: Dimension | None


def parse_funnel(reader: ParameterReader) -> FunnelRequest:
    """Read the parameters of `GET /usage/funnel`; problems are collected in the reader."""
    selection = reader.selection()
    by = reader.dimensions("by", selection.products, ())
    if len(by) > 1:
        reader.wrong("by", "must be given once")
    return FunnelRequest(
        selection=selection,
        steps=_steps(reader, selection),
        window_ms=reader.duration_ms("window", "7d"),
        order=reader.choice("order", ORDERS, "loose"),
        key=reader.optional_key("key", selection.products),
        by=by[0] if by else None,
    )


def _steps(reader: ParameterReader, selection: EventSelection) -> tuple[Step, ...]:
    found: list[Step] = []
    total = 0
    for text in reader.texts("step")[: STEPS_MAX + 1]:
        name, *conditions = text.split(";", reader.conditions_max + 1)
        total += len(conditions)
        if total > reader.conditions_max:
            reader.wrong("step", f"must have {reader.conditions_max} conditions at the most, in all steps together")
            return ()
        read = [reader.condition("step", one, selection.products) for one in conditions]
        found.append(Step(name, tuple(one for one in read if one)))
    if not STEPS_MIN <= len(found) <= STEPS_MAX:
        reader.wrong("step", f"must be given {STEPS_MIN} to {STEPS_MAX} times, in order: TYPE, or TYPE;KEY:is:VALUE")
    if any(not step.type for step in found):
        reader.wrong("step", "must begin with a type")
    return tuple(found)


def count_funnel(asked: Query, wanted: FunnelRequest) -> Funnel:
    """Count the actors of each step. Raises RequestRefused for too many groups, and what the store raises."""
    total, asked = total_of(asked)
    ((_, tied, *numbers),) = _rows(asked, wanted, _BY_TIME)
    if tied:
        ((_, _, *numbers),) = _rows(asked, wanted, _BY_IDENTITY)
    reached = _reached(wanted, numbers)
    rows = _rows(asked, wanted, _WITH_VALUES) if wanted.by else []
    groups = [FunnelGroup(value, _reached(wanted, each)) for value, _, *each in rows]
    return Funnel(
        **asked.about(),
        window=wanted.window_ms,
        order=wanted.order,
        key=wanted.key.name if wanted.key else "actor",
        total=FunnelTotal(
            **total.shown(asked.selection.duplicates), actors=reached[0].actors, converted=reached[-1].actors
        ),
        funnel=reached,
        groups=groups if wanted.by else UNSET,
    )


def _rows(asked: Query, wanted: FunnelRequest, arrays: str) -> list[tuple[Any, ...]]:
    """A row of numbers, or one for each value: the actors whose events have no order yet, then of each step, the times.

    The times are the medians of all steps but the first.
    """
    grouped = arrays == _WITH_VALUES
    parameters: dict[str, Any] = {"none": TIME_MS_LEAST, "window": wanted.window_ms}
    by = "''"
    if grouped and wanted.by:
        by = dimension_value(wanted.by, asked.plan, asked.selection.products, "by", parameters)
    steps = len(wanted.steps)
    counts = [f"countIf(reached{at} > 0)" for at in range(1, steps + 1)]
    medians = [f"quantileExactInclusiveIf(0.5)(took{at}, reached{at} > 0)" for at in range(2, steps + 1)]
    texts = {
        "actor": actor_of(asked, wanted.key, parameters),
        "mask": _mask(asked, wanted.steps, parameters),
        "by": by,
        "arrays": arrays,
        "steps": _step_arrays(steps, strict=wanted.order == "strict", has_values=grouped),
        "only_steps": "" if wanted.order == "strict" else "AND mask != 0",
        "value": "first_value AS value," if grouped else "'' AS value,",
        "counts": ",\n    ".join(["countIf(is_tied)", *counts, *medians]),
        "group": "WHERE reached1 > 0\nGROUP BY value\nORDER BY countIf(reached1 > 0) DESC, value" if grouped else "",
    }
    parameters["limit"] = asked.settings.usage_rows_max + 1
    rows = asked.rows("usage_funnel", parameters, texts)
    asked.check_length(len(rows))
    return rows


def _mask(asked: Query, steps: tuple[Step, ...], parameters: dict[str, Any]) -> str:
    """A number whose bits say of which steps an event can be."""
    bits = []
    for at, step in enumerate(steps):
        tests = [type_condition((step.type,), f"step{at}", parameters)]
        for number, condition in enumerate(step.where):
            name = f"step{at}_{number}"
            tests.append(condition_text(condition, asked.plan, asked.selection.products, name, parameters))
        bits.append(f"if({' AND '.join(tests)}, {1 << at}, 0)")
    return f"toUInt16({' + '.join(bits)})"


def _step_arrays(steps: int, *, strict: bool, has_values: bool) -> str:
    """For each step: the start of the latest chain to each event, the first event that reached it, the time it took."""
    texts = [f"arrayMap((time, mask) -> if(bitTest(mask, 0), time, {_NONE}), times, masks) AS chain1"]
    for at in range(2, steps + 1):
        before, known = (
            f"chain{at - 1}",
            f"arrayMap((time, start) -> if(start = {_NONE}, start, time), times, chain{at - 1})",
        )
        if not strict:
            before, known = (f"arrayFill(one -> one != {_NONE}, {each})" for each in (before, known))
        texts += [
            f"arrayPushFront(arrayPopBack({before}), {_NONE}) AS start{at}",
            f"arrayPushFront(arrayPopBack({known}), {_NONE}) AS previous{at}",
            f"arrayMap((time, mask, start) -> {_reaching(at)}, times, masks, start{at}) AS chain{at}",
        ]
    for at in range(1, steps + 1):
        texts.append(f"arrayFirstIndex(one -> one != {_NONE}, chain{at}) AS reached{at}")
        if at > 1:
            texts.append(f"times[reached{at}] - previous{at}[reached{at}] AS took{at}")
    if has_values:
        texts.append("step_values[reached1] AS first_value")
    return ",\n        ".join(texts)


def _reaching(at: int) -> str:
    """The start of a chain that an event carries on to a step."""
    reaches = f"bitTest(mask, {at - 1}) AND start != {_NONE} AND time - start <= {{window:Int64}}"
    return f"if({reaches}, start, {_NONE})"


def _reached(wanted: FunnelRequest, numbers: list[Any]) -> list[StepReached]:
    actors, medians = numbers[: len(wanted.steps)], [None, *numbers[len(wanted.steps) :]]
    return [
        StepReached(
            step=str(step),
            actors=actors[at],
            conversion=_share(actors[at], actors[0]),
            fromPrevious=_share(actors[at], actors[max(at - 1, 0)]),
            median=medians[at] if at and actors[at] else UNSET,
        )
        for at, step in enumerate(wanted.steps)
    ]


def _share(part: int, of: int) -> float:
    return round(part / of, 6) if of else 0.0
