"""The statement of a report's rows: its text, put together from closed sets of pieces, and its parameters.

No value stands in the text: names of types, the delimiter and times are parameters; only numbers that the layout holds,
and column names, quoted, are written out. What was measured of the engine, in us of a core for a row, with 3.4 million
events of twenty parts:

- Reading takes 0.15, making the line 0.10, putting in order 0.05, and merging equal events another 0.2.
- A column of several types picks the place in the context, rather than one of several values: 0.06 for the line against
  0.13.
- Whether a row needs quotes is seen from its values, those of a whole block together: 0.04. To count the delimiters of
  the line took 0.12, and to look at each field 0.4.
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
NOTHING = "''"
_RFC3339 = "concat(replaceOne(toString(fromUnixTimestamp64Milli(timestamp, 'UTC')), ' ', 'T'), 'Z')"
_MOMENT = "fromUnixTimestamp64Milli(timestamp, 'UTC')"
# A cell that begins so is a formula to some spreadsheet, the full-width ones too. One that begins with the mark itself
# gets another one, so that taking one mark off the front of every cell that has one gives back what was there.
SAFE_MARK = "'"
RISKY = "^[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20]"
# Fields with one of these characters, and those with the delimiter, are quoted.
_QUOTED = """arrayStringConcat(
    arrayMap(
        field -> if(
            multiSearchAny(field, [{delimiter:String}, '"', '\\r', '\\n']),
            concat('"', replaceAll(field, '"', '""'), '"'),
            field
        ),
        [%s]
    ),
    {delimiter:String}
)"""
_SPECIAL = ("{delimiter:String}", "'\"'", "'\\r'", "'\\n'")
# What may stand in a cell besides what the event brought: the characters of a time, and the mark.
_OWN_CHARACTERS = f"0123456789-:.TZ{SAFE_MARK}"


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

    def text(self, *, final: bool = True, drop: bool = False) -> str:
        """The statement. `drop` leaves duplicates out; without `final` every event has to be in the table just once.

        Both cost something where there is nothing to do: FINAL a third of the time.
        """
        undoubled = f"AND (timestamp, batch, sequence) GLOBAL NOT IN ({query('report_duplicates')})" if drop else ""
        # A column may be called like a place to fill in, so they come last.
        merged = self._text.replace("{{final}}", "FINAL" if final else "")
        return merged.replace("{{undoubled}}", undoubled).replace("{{shown}}", self._shown)

    def parameters(self, first_ms: int, last_ms: int) -> dict[str, Any]:
        """Those of the rows between two times, both inclusive."""
        return {**parameters.selection(self._job), **self._parameters, "start": first_ms, "end": last_ms}

    def _line(self, cells: list[str]) -> str:
        """A row as a line. What needs no quotes, nearly all, is put together at once; the rest field by field."""
        self._parameters["delimiter"] = self._job.delimiter
        if self._job.delimiter in _OWN_CHARACTERS:
            return _QUOTED % ", ".join(cells)
        named = [cell if cell == NOTHING else f"{cell} AS cell{index}" for index, cell in enumerate(cells)]
        short = [cell if cell == NOTHING else f"cell{index}" for index, cell in enumerate(cells)]
        special = f"arrayExists(value -> {_special('value')}, context) OR {_special('type')}"
        return f"if({special}, {_QUOTED % ', '.join(short)}, {self._joined(named)})"

    def _joined(self, cells: list[str]) -> str:
        """The cells with delimiters between them, of which neighbours are one."""
        pieces, gap = [cells[0]], 0
        for cell in cells[1:]:
            gap += 1
            if cell != NOTHING:
                pieces += [self._gap(gap), cell]
                gap = 0
        return f"concat({', '.join([*pieces, self._gap(gap)] if gap else pieces)})"

    def _gap(self, delimiters: int) -> str:
        self._parameters[f"gap{delimiters}"] = self._job.delimiter * delimiters
        return f"{{gap{delimiters}:String}}"

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
        csv = self._job.format == "csv"
        branches: list[tuple[str, int]] = []
        for number, place in enumerate(field.places):
            if place.types:
                asked = [name for name in place.types if self._types is None or name in self._types]
                if not asked:
                    continue
                if self._types is not None and self._types.issubset(asked):
                    value = f"context[{place.position:d}]"
                    return value if csv else f"toNullable({value})"
                kinds = f"kinds_{index}_{number}"
                self._parameters[kinds] = asked
                branches.append((f"type IN {{{kinds}:Array(String)}}", place.position))
            elif csv and len(field.places) == 1:
                return f"context[{place.position:d}]"
            else:
                branches.append((f"length(context) >= {place.position:d}", place.position))
        return (_text if csv else _nullable)(branches)

    def _safe(self, cell: str) -> str:
        if not self._job.safe or cell == NOTHING:
            return cell
        self._parameters |= {"risky": RISKY, "mark": SAFE_MARK}
        return f"concat(if(match({cell}, {{risky:String}}), {{mark:String}}, ''), {cell})"


def _special(text: str) -> str:
    """Whether a text has a character that needs quotes; four looks for one take half the time of one for four."""
    return " OR ".join(f"position({text}, {character}) > 0" for character in _SPECIAL)


def _text(branches: list[tuple[str, int]]) -> str:
    """The place whose condition holds first, or nothing: there is nothing at place 0, nor behind the last one."""
    if not branches:
        return NOTHING
    places = ", ".join(f"{condition}, {position:d}" for condition, position in branches)
    return f"context[multiIf({places}, 0)]"


def _nullable(branches: list[tuple[str, int]]) -> str:
    """The value of the place whose condition holds first, or null."""
    nothing = "CAST(NULL AS Nullable(String))"
    values = ", ".join(f"{condition}, context[{position:d}]" for condition, position in branches)
    return f"multiIf({values}, {nothing})" if branches else nothing


def _columns(cells: list[str], layout: Layout) -> str:
    return ", ".join(f"{cell} AS {_identifier(key)}" for cell, key in zip(cells, layout.keys, strict=True))


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
