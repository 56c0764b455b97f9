"""Answers as tables: flat rows for CSV and Arrow files, and for charts.

A table has the list of an answer that is named like its call, one row for each entry; entries of lists within it are
rows of their own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from footfall.usage.query import Answer

# Keys of an entry that hold a list of rows, and what the number of such an entry is called in the row.
_NESTED: Final[Mapping[str, str]] = {"periods": "returned", "funnel": "actors"}

# What some spreadsheets take for the beginning of a formula, full-width characters too, and the mark itself.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_QUOTED: Final = re.compile(r'[",\r\n]')


class Table(Struct, frozen=True):
    """Columns in order, and the rows, each with a value or None for each column."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def records(self) -> list[dict[str, Any]]:
        """The rows as objects, without what they lack."""
        return [
            {name: value for name, value in zip(self.columns, row, strict=True) if value is not None}
            for row in self.rows
        ]


def make_table(name: str, answer: Answer) -> Table:
    """The list of an answer that is named like its call."""
    given = msgspec.to_builtins(answer)
    entries = given["groups"] if name == "funnel" and "groups" in given else given[name]
    rows = [row for entry in entries for row in _flatten(entry)]
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    return Table(columns, [tuple(row.get(column) for column in columns) for row in rows])


def write_csv(table: Table, *, safe: bool = False) -> bytes:
    """The table with a line of names; fields are quoted only where they must be.

    With `safe`, a text that a spreadsheet would take for a formula gets an apostrophe in front, as in reports.
    """
    rows = [[_marked(value) for value in row] for row in table.rows] if safe else table.rows
    lines = (",".join(map(_field, row)) for row in (table.columns, *rows))
    return "".join(f"{line}\n" for line in lines).encode()


def write_arrow(table: Table) -> bytes:
    """The table as an Arrow stream. Intervals are timestamps in UTC; numbers and texts have their own types."""
    import pyarrow as pa  # noqa: PLC0415 - it takes 60 MiB, which a service without such answers saves

    arrays = [_array(name, [row[at] for row in table.rows]) for at, name in enumerate(table.columns)]
    found = pa.table(dict(zip(table.columns, arrays, strict=True)))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.schema) as writer:
        writer.write_table(found)
    return bytes(sink.getvalue())


def _marked(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _field(value: Any) -> str:
    """A field of CSV, by RFC 4180. Python's own writer leaves a carriage return without quotes."""
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _array(name: str, values: list[Any]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    if name in ("start", "first", "last", "timestamp", "received", "admitted", "period start"):
        return pa.array(values, pa.timestamp("ms", tz="UTC"))
    return pa.array(values)


def _flatten(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of an entry: one, or one for each entry of the list that it holds."""
    plain: dict[str, Any] = {}
    nested: tuple[str, list[dict[str, Any]]] | None = None
    for key, value in entry.items():
        if key in _NESTED and isinstance(value, list):
            nested = key, value
        elif key == "values" and isinstance(value, dict):
            plain |= {f"context.{name}": text for name, text in value.items()}
        elif isinstance(value, list):
            plain[key] = _joined(value)
        else:
            plain[key] = value
    if nested is None or not nested[1]:
        yield plain
        return
    key, entries = nested
    for at, one in enumerate(entries):
        if key == "periods":
            yield {
                **plain,
                "period": at,
                "period start": one["start"],
                "returned": one["actors"],
                "complete": one["complete"],
            }
        else:
            yield {**plain, **one}


def _joined(values: Iterable[Any]) -> str:
    return " > ".join(map(str, values))
