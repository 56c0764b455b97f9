"""The values of a breakdown as people read them: each with a name, the largest first, all others last."""

from collections.abc import Sequence
from typing import Any, Final

from footfall.dashboard.texts import text

# The channels of a chart that tell values apart.
_CHANNELS: Final = ("color", "strokeDash")


def label_of(value: str | None) -> str:
    """The name of a value: None is all others together, an empty one is none."""
    if value is None:
        return text("question.others")
    return value or text("question.none")


def named_values(specification: dict[str, Any], fields: Sequence[str] = ()) -> dict[str, Any]:
    """The chart with a name for each value of its fields, those of its colours where none are given.

    The values with most events come first, whatever their order in the answer.
    """
    encoding = specification["encoding"]
    fields = fields or [encoding[each]["field"] for each in _CHANNELS if each in encoding]
    sums: dict[tuple[Any, ...], int] = {}
    for record in specification["data"]["values"]:
        values = tuple(record.get(name) for name in fields)
        for depth in range(len(fields)):
            sums[values[: depth + 1]] = sums.get(values[: depth + 1], 0) + record["events"]

    def rank(record: dict[str, Any]) -> tuple[Any, ...]:
        values = tuple(record.get(name) for name in fields)
        return tuple(
            (values[depth] is None, -sums[values[: depth + 1]], str(values[depth])) for depth in range(len(fields))
        )

    ordered = sorted(specification["data"]["values"], key=rank)
    named = [{**record, **{name: label_of(record.get(name)) for name in fields}} for record in ordered]
    return {**specification, "data": {"values": named}}
