"""The numbers of a shared link in the page's words: heads, shares and times in place of the API's names and units."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from footfall import windows
from footfall.dashboard.explanation import definitions
from footfall.dashboard.exploration import COLUMNS
from footfall.dashboard.texts import all_texts, text
from footfall.usage import Table

# How the values of a column are written, where not as a number or a text: `interval` is a time by the zone's clock.
_KINDS: Final = {
    "start": "interval",
    **dict.fromkeys(("first", "last", "timestamp", "received", "admitted"), "moment"),
    **dict.fromkeys(("conversion", "fromPrevious"), "share"),
    **dict.fromkeys(("inPlan", "deprecated"), "flag"),
    "change": "change",
    "median": "duration",
    "types": "text",
}
# What the numbers of a column are, where its name is not that of a definition.
_MEANINGS: Final = {
    "actorsBefore": "before",
    "anchors": "events",
    "converted": "funnel",
    "fromPrevious": "conversion",
    "values": "top",
    "withValue": "top",
}
# What stands behind the numbers that a link is about.
_LAST: Final = ("duplicates", "late")
_OTHERS: Final = "others"


class SharedColumn(Struct, frozen=True):
    """A column, or a number above the table: its head, how its values are written, and what its numbers are."""

    head: str
    kind: str
    meaning: str

    @property
    def is_number(self) -> bool:
        """Whether its values stand at the right, under each other."""
        return bool(self.meaning) and self.kind in ("plain", "share", "change", "duration")


def column_of(name: str) -> SharedColumn:
    """The column of this name in the API's tables."""
    if name.startswith("context."):
        return SharedColumn(name.removeprefix("context."), "text", "")
    head = all_texts().get(f"saved.column.{name}", name)
    meaning = _MEANINGS.get(name, name)
    return SharedColumn(head, _KINDS.get(name, "plain"), meaning if meaning in definitions() else "")


def totals_of(total: Mapping[str, Any]) -> Iterator[tuple[SharedColumn, int]]:
    """The whole numbers of an answer's total, duplicates and late events last."""
    found = {name: number for name, number in total.items() if isinstance(number, int)}
    for name in sorted(found, key=lambda name: name in _LAST):
        yield column_of(name), found[name]


def columns_of(table: Table) -> list[SharedColumn]:
    """The columns of a table; which values all others have together, stands among those values."""
    return [column_of(name) for name in table.columns if name != _OTHERS]


def rows_of(table: Table, zone: ZoneInfo) -> Iterator[list[Any]]:
    """The rows, with the beginning of an interval by the zone's clock, in ms as if of UTC.

    Without intervals, those with most events come first, and all others last.
    """
    rows = table.rows
    if "start" not in table.columns and "late" in table.columns:
        rows = sorted(rows, key=partial(_rank, table.columns))
    for row in rows:
        values = dict(zip(table.columns, row, strict=True))
        others = str(values.get(_OTHERS) or "").split(" > ")
        yield [
            text("question.others") if name in others else _value(name, value, zone)
            for name, value in values.items()
            if name != _OTHERS
        ]


def _rank(columns: tuple[str, ...], row: tuple[Any, ...]) -> tuple[bool, int]:
    values = dict(zip(columns, row, strict=True))
    return bool(values.get(_OTHERS)), -values["events"]


def _value(name: str, value: Any, zone: ZoneInfo) -> Any:
    kind = _KINDS.get(name)
    if kind == "interval" and isinstance(value, int):
        return value + windows.offset_ms(zone, value)
    if value == "" and name == "types":
        return text("paths.end")
    if value == "" and (name in (*COLUMNS, "value") or name.startswith("context.")):
        return text("question.none")
    return value
