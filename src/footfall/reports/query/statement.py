"""The statement that reads a report's rows: its text, put together from closed sets of pieces, and its parameters.

No value stands in the text. Names of types and columns, the delimiter and times are native parameters; only numbers of
the layout are written out. So the text grows by some 50 bytes a column, of the 128 KiB that a server takes.

Where a column's value depends on the event's type, one `transform` a row gives the layout of the type: a text with a
character for each such column, whose code is the place in the context. It takes half the time of a choice among
several values for each column.

Reading a row takes 0.15 us of a core, making the line 0.10, putting in order 0.05, and merging equal events another
0.2. Whether a row needs quotes is seen from its values, those of a whole block together: 0.04 us.
"""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from msgspec import Struct

from footfall.reports import encoding
from footfall.reports.query.layout import Field, Layout
from footfall.reports.query.xlsx import xml_functions, xml_parameters, xml_row
from footfall.reports.selection import job_filter
from footfall.state import Job
from footfall.store import Identifier, query
from footfall.usage import EventFilter, without_duplicates

_FORMATS = {
    "csv": "CustomSeparated",
    "jsonl": "JSONEachRow",
    "parquet": "ArrowStream",
    "arrow": "ArrowStream",
    "xlsx": "CustomSeparated",
}
NOTHING = "''"
_EXCEL = "toString(fromUnixTimestamp64Milli(timestamp, 'UTC'))"
_RFC3339 = "concat(replaceOne(toString(fromUnixTimestamp64Milli(timestamp, 'UTC')), ' ', 'T'), 'Z')"
_MOMENT = "fromUnixTimestamp64Milli(timestamp, 'UTC')"
# Some spreadsheets take a cell that begins so for a formula, full-width characters too. A cell that begins with the
# mark itself gets a second one, so that taking one mark off every cell that has one gives back the value.
FORMULA_MARK = "'"
FORMULA_START = "^[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20]"
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
# Characters that a cell may have besides those of the event: of a time, and the mark. A delimiter among them could
# stand in any cell.
_OWN_CHARACTERS = f"0123456789-:.TZ {FORMULA_MARK}"
NULL = "CAST(NULL AS Nullable(String))"
# In the layout of a type, the character for a place in the context has its position plus this code; the code alone
# stands for no place.
NO_PLACE_CODE = 32


class _Names(Struct, frozen=True):
    """The names in a statement of a type's layout, of its functions with their arguments, and of a mark."""

    layout: str
    place: str
    column: str
    guard: str
    cell: str
    xml: str
    planless: str


class ReportStatement:
    """The statement of a report's rows in its format, the same for all spans of the report.

    `types` are those of the report's events, where they are known. The statement leaves out a plan's other types, which
    saves a sixth of the time where the events are of 3 of 25 types.
    """

    # The columns of the table from which the rows are made, and the order of the rows: the key without customer and
    # product, which are equal in all rows.
    _sources: ClassVar = "timestamp, type, context, batch, sequence"
    _order: ClassVar = "timestamp, batch, sequence"

    def __init__(
        self, job: Job, layout: Layout, types: frozenset[str] | None = None, selected: EventFilter | None = None
    ) -> None:
        self._job = job
        self._filter = selected or job_filter(job)
        self._types = types
        self._parameters: dict[str, Any] = {}
        self._names = _names(layout)
        # Columns whose place depends on the type are numbered from 1; for each type, the columns and their places.
        self._varying_columns = 0
        self._places_by_type: dict[str, list[tuple[int, int]]] = {}
        cells = list(self._cells(layout))
        self._select_list = self._row(cells, layout)
        text = query("report_rows").replace("{{format}}", _FORMATS[job.format])
        text = text.replace("{{sources}}", self._sources).replace("{{order}}", self._order)
        self._text = text.replace("{{with}}", self._with_clause()).replace("{{layout}}", self._type_layout())

    def text(self, *, final: bool = True, drop: bool = False) -> str:
        """The statement. `drop` leaves duplicates out; `final` merges copies of one event, for a third of the time.

        Without `final` no event may be in the table twice.
        """
        return self._filter.fill(select_rows(self._text, final=final, drop=drop)).replace(
            "{{columns}}", self._select_list
        )

    def parameters(self, first_ms: int, last_ms: int) -> dict[str, Any]:
        """The parameters for the rows between two times, both inclusive."""
        return {**self._filter.parameters, **self._parameters, "start": first_ms, "end": last_ms}

    def _row(self, cells: list[str], layout: Layout) -> str:
        if self._job.format == "csv":
            return self._line(cells, layout)
        if self._job.format == "xlsx":
            self._parameters |= xml_parameters()
            time_at = layout.fixed.index("timestamp")
            return xml_row(self._names.xml, cells[:time_at], cells[time_at + 1 :], NULL)
        return self._columns(cells, layout)

    def _line(self, cells: list[str], layout: Layout) -> str:
        """A row as a line of CSV: one `concat` for a row without special characters, else quoted field by field."""
        self._parameters["delimiter"] = self._job.delimiter
        if self._job.delimiter in _OWN_CHARACTERS:
            return _QUOTED % ", ".join(cells)
        named = [cell if cell == NOTHING else f"{cell} AS cell{index}" for index, cell in enumerate(cells)]
        short_names = [cell if cell == NOTHING else f"cell{index}" for index, cell in enumerate(cells)]
        texts = " OR ".join(_needs_quotes(column) for column in layout.fixed if column != "timestamp")
        special = f"arrayExists(value -> {_needs_quotes('value')}, context) OR {texts}"
        return f"if({special}, {_QUOTED % ', '.join(short_names)}, {self._joined(named)})"

    def _columns(self, cells: list[str], layout: Layout) -> str:
        """A row as columns. Their names are parameters, because many long names exceed a statement's size."""
        self._parameters |= {f"column{index}": Identifier(name) for index, name in enumerate(layout.unique_names)}
        return ", ".join(f"{cell} AS {{column{index}:Identifier}}" for index, cell in enumerate(cells))

    def _joined(self, cells: list[str]) -> str:
        """The cells with delimiters between them; the delimiters around empty cells are one text."""
        pieces, delimiters = [cells[0]], 0
        for cell in cells[1:]:
            delimiters += 1
            if cell != NOTHING:
                pieces += [self._delimiters(delimiters), cell]
                delimiters = 0
        return f"concat({', '.join([*pieces, self._delimiters(delimiters)] if delimiters else pieces)})"

    def _delimiters(self, count: int) -> str:
        self._parameters[f"delimiters{count}"] = self._job.delimiter * count
        return f"{{delimiters{count}:String}}"

    def _cells(self, layout: Layout) -> Iterator[str]:
        """The expressions of all columns."""
        for column in layout.fixed:
            yield self._time() if column == "timestamp" else self._guarded(f"toString({column})")
        for field in layout.fields:
            yield self._guarded(self._value(field))

    def _time(self) -> str:
        job = self._job
        if job.format not in encoding.TEXTS:
            return _MOMENT
        plain = "toString(timestamp)" if job.format == "csv" else "timestamp"
        return {"rfc3339": _RFC3339, "excel": _EXCEL}.get(job.times, plain)

    def _value(self, field: Field) -> str:
        """An event's value in this column. CSV has no null, so nothing is the empty string."""
        csv = self._job.format == "csv"
        if any(not place.types for place in field.places):
            return fixed_place(field.places[0].position, csv=csv)
        places = {name: place.position for place in reversed(field.places) for name in place.types}
        if self._types is not None:
            places = {name: position for name, position in places.items() if name in self._types}
        if not places:
            return NOTHING if csv else NULL
        if self._types is not None and self._types <= places.keys() and len({*places.values()}) == 1:
            value = f"context[{places.popitem()[1]:d}]"
            return value if csv else f"toNullable({value})"
        self._varying_columns += 1
        for name, position in places.items():
            self._places_by_type.setdefault(name, []).append((self._varying_columns, position))
        return f"{self._names.place}({self._varying_columns:d})"

    def _type_layout(self) -> str:
        """The layout of an event's type: a character for each varying column, whose code tells the place."""
        names = self._names
        return f"{self._transform('type') if self._places_by_type else NOTHING} AS {names.layout}"

    def _transform(self, key: str) -> str:
        """The layout that belongs to a key, of those in `_places_by_type`."""
        self._parameters |= {
            "layout_types": list(self._places_by_type),
            "layouts": [self._line_of(places) for places in self._places_by_type.values()],
            "no_layout": self._line_of([]),
        }
        return f"transform({key}, {{layout_types:Array(String)}}, {{layouts:Array(String)}}, {{no_layout:String}})"

    def _line_of(self, places: Iterable[tuple[int, int]]) -> str:
        """A layout, of varying columns and their places."""
        line = bytearray([NO_PLACE_CODE]) * self._varying_columns
        for column, position in places:
            line[column - 1] = NO_PLACE_CODE + position
        return line.decode("ascii")

    def _with_clause(self) -> str:
        """The functions that the columns' expressions share, each defined once."""
        names, functions = self._names, []
        if self._varying_columns:
            functions.append(f"({names.column}) -> context[{self._place()}] AS {names.place}")
        if self._job.safe:
            self._parameters |= {"formula_start": FORMULA_START, "formula_mark": FORMULA_MARK}
            marked = f"if(match({names.cell}, {{formula_start:String}}), {{formula_mark:String}}, '')"
            functions.append(f"({names.cell}) -> concat({marked}, {names.cell}) AS {names.guard}")
        if self._job.format == "xlsx":
            functions += xml_functions(names.xml)
        return f"WITH {', '.join(functions)}\n" if functions else ""

    def _place(self) -> str:
        """The place of a varying column's value. The context at 0 is the empty string, at null it is null."""
        place = f"ascii(substring({self._names.layout}, {self._names.column}, 1)) - {NO_PLACE_CODE:d}"
        return place if self._job.format == "csv" else f"nullIf({place}, 0)"

    def _guarded(self, cell: str) -> str:
        return f"{self._names.guard}({cell})" if self._job.safe and cell != NOTHING else cell


def select_rows(text: str, *, final: bool, drop: bool) -> str:
    """Fill in whether copies of one event are merged (`final`), and whether duplicates are left out (`drop`)."""
    text = text.replace("{{final}}", "FINAL" if final else "")
    return text.replace("{{without_duplicates}}", without_duplicates(drop=drop))


def _needs_quotes(text: str) -> str:
    """Whether a text has a character that needs quotes. Four searches take half the time of one for all four."""
    return " OR ".join(f"position({text}, {character}) > 0" for character in _SPECIAL)


def fixed_place(position: int, *, csv: bool) -> str:
    """The value at one place of the context for all types; nothing where the context is shorter."""
    value = f"context[{position:d}]"
    return value if csv else f"if(length(context) >= {position:d}, {value}, {NULL})"


def _names(layout: Layout) -> _Names:
    """Names that no column has, so that none hides another; two underscores in front have functions of the engine."""
    mark = "_"
    while any(key.startswith(mark) for key in layout.unique_names):
        mark = f"x{mark}"
    return _Names(*(mark + name for name in _Names.__struct_fields__))
