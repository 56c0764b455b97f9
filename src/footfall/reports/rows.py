"""The statement of a report's rows: its text, put together from closed sets of pieces, and its parameters.

No value stands in the text: names of types, the delimiter and times are parameters; only numbers that the layout holds,
and column names, quoted, are written out. What was measured of the engine, with 1.7 million events of ten parts:

- Columns by `multiIf` over the types take 0.7 of the time of an array of places for each event.
- Whether a row needs quotes is seen best in the row as a whole: 0.04 us against 0.4 us for a look at each field.
- The rest is reading, merging and writing, 0.8 us a row; a sixth to a quarter of it is the order of the table's key.
"""

from collections.abc import Iterator
from typing import Any

from footfall.reports import formats, parameters
from footfall.reports.layout import Field, Layout
from footfall.state import Job
from footfall.store import query

_FORMATS = {
    "csv": "CustomSeparated",
    "jsonl": "JSONEachRow",
    "parquet": "ArrowStream",
    "arrow": "ArrowStream",
}
_RFC3339 = "concat(replaceOne(toString(fromUnixTimestamp64Milli(timestamp, 'UTC')), ' ', 'T'), 'Z')"
_MOMENT = "fromUnixTimestamp64Milli(timestamp, 'UTC')"
# A cell that begins so is a formula to some spreadsheet, the full-width ones too. One that begins with the mark itself
# gets another one, so that taking one mark off the front of every cell that has one gives back what was there.
SAFE_MARK = "'"
RISKY = "^[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20]"
# Fields with one of these characters, and those with the delimiter, are quoted.
_LINE = """if(
    countSubstrings(concat(%s) AS line, {delimiter:String}) = {delimiters:UInt32}
        AND NOT multiSearchAny(line, ['"', '\\r', '\\n']),
    line,
    arrayStringConcat(
        arrayMap(
            field -> if(
                multiSearchAny(field, [{delimiter:String}, '"', '\\r', '\\n']),
                concat('"', replaceAll(field, '"', '""'), '"'),
                field
            ),
            [%s]
        ),
        {delimiter:String}
    )
)"""


class Statement:
    """The statement of a report's rows in its format, the same for all spans of the report.

    `types` are those of the report's events, when they are known: no event is asked whether it is of another, which
    saves a sixth of the time where the plan has 25 and the events are of three.
    """

    def __init__(self, job: Job, layout: Layout, types: frozenset[str] | None = None) -> None:
        self._job = job
        self._types = types
        self._parameters: dict[str, Any] = {}
        cells = list(self._cells(layout))
        self._shown = self._line(cells) if job.format == "csv" else _columns(cells, layout)
        self._text = query("report_rows").replace("{{format}}", _FORMATS[job.format])

    def text(self, *, drop: bool = False) -> str:
        """The statement; `drop` leaves duplicates out, which costs something where there are none."""
        undoubled = f"AND (timestamp, batch, sequence) GLOBAL NOT IN ({query('report_duplicates')})" if drop else ""
        # A column may be called like a place to fill in, so they come last.
        return self._text.replace("{{undoubled}}", undoubled).replace("{{shown}}", self._shown)

    def parameters(self, first_ms: int, last_ms: int) -> dict[str, Any]:
        """Those of the rows between two times, both inclusive."""
        return {**parameters.selection(self._job), **self._parameters, "start": first_ms, "end": last_ms}

    def _line(self, cells: list[str]) -> str:
        self._parameters |= {"delimiter": self._job.delimiter, "delimiters": len(cells) - 1}
        named = ", {delimiter:String}, ".join(f"{cell} AS cell{index}" for index, cell in enumerate(cells))
        return _LINE % (named, ", ".join(f"cell{index}" for index in range(len(cells))))

    def _cells(self, layout: Layout) -> Iterator[str]:
        """The expressions of all columns."""
        job = self._job
        if job.format in formats.TEXTS:
            plain = "toString(timestamp)" if job.format == "csv" else "timestamp"
            yield _RFC3339 if job.times == "rfc3339" else plain
        else:
            yield _MOMENT
        yield self._safe("toString(type)")
        for index, field in enumerate(layout.fields):
            yield self._safe(self._value(field, index))

    def _value(self, field: Field, index: int) -> str:
        """The value of an event in this column. CSV has no nothing but the empty string."""
        nothing = "''" if self._job.format == "csv" else "CAST(NULL AS Nullable(String))"
        branches: list[str] = []
        for number, place in enumerate(field.places):
            value = f"context[{place.position:d}]"
            if place.types:
                asked = [name for name in place.types if self._types is None or name in self._types]
                if not asked:
                    continue
                if self._types is not None and self._types.issubset(asked):
                    return value if nothing == "''" else f"toNullable({value})"
                kinds = f"kinds_{index}_{number}"
                self._parameters[kinds] = asked
                branches.append(f"type IN {{{kinds}:Array(String)}}")
            else:
                branches.append(f"length(context) >= {place.position:d}")
            branches.append(value)
        return f"multiIf({', '.join([*branches, nothing])})" if branches else nothing

    def _safe(self, cell: str) -> str:
        if not self._job.safe:
            return cell
        self._parameters |= {"risky": RISKY, "mark": SAFE_MARK}
        return f"concat(if(match({cell}, {{risky:String}}), {{mark:String}}, ''), {cell})"


def _columns(cells: list[str], layout: Layout) -> str:
    return ", ".join(f"{cell} AS {_identifier(key)}" for cell, key in zip(cells, layout.keys, strict=True))


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
