"""The statement of a report's rows: its columns, its text and its parameters."""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, Struct

from footfall.plan import Column
from footfall.reports import encoding
from footfall.state import Job
from footfall.store import Identifier, query

# Which column of a report holds which place of an event's context, and how fields become a header row.


# The two columns that every report has, before those of its product.
FIXED = ("timestamp", "type")


class ContextPlace(Struct, frozen=True):
    """A place in the context, counted from 1, of events of these types; of all types where there are none."""

    position: int
    types: tuple[str, ...] = ()


class Field(Struct, frozen=True):
    """A column after the fixed ones: its name, and where its values come from; with no places it is always empty."""

    name: str
    places: tuple[ContextPlace, ...]


class Layout(Struct, frozen=True):
    """The columns of a report after the fixed ones."""

    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, as the plan has them."""
        return FIXED + tuple(field.name for field in self.fields)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of all columns, each another: a key called like a column before it has `context.` in front."""
        found: list[str] = []
        for name in self.names:
            unique = name
            while unique in found:
                unique = f"context.{unique}"
            found.append(unique)
        return tuple(found)


def plan_layout(columns: tuple[Column, ...]) -> Layout:
    """The columns that the plan gives a product."""
    return Layout(
        tuple(
            Field(column.name, tuple(ContextPlace(source.position, source.types) for source in column.sources))
            for column in columns
        )
    )


def plain_layout(width: int) -> Layout:
    """The columns of a product that the plan does not know: the context as it is, up to the longest one's length."""
    return Layout(tuple(Field(f"context{position}", (ContextPlace(position),)) for position in range(1, width + 1)))


def header_row(layout: Layout, delimiter: str) -> bytes:
    """The names of all columns as the first line of a file."""
    return (delimiter.join(_quote(name, delimiter) for name in layout.names) + "\n").encode()


def _quote(field: str, delimiter: str) -> str:
    """The same quoting as that of the rows."""
    if any(special in field for special in (delimiter, '"', "\r", "\n")):
        return '"' + field.replace('"', '""') + '"'
    return field


# The native parameters of the statements that make a report; no value ever stands in a statement's text.


TIME_MS_LEAST = -(2**63)
TIME_MS_MOST = 2**63 - 1


def filter_parameters(job: Job) -> dict[str, Any]:
    """Which events the report has.

    By the time of the event, `start` and `end` bound the timestamp; by that of its receipt they bound `received`, and
    the timestamp may be any.
    """
    wanted = job.filter
    start = TIME_MS_LEAST if wanted.start is UNSET else wanted.start
    end = TIME_MS_MOST if wanted.end is UNSET else wanted.end
    by_event = job.basis == "event"
    return {
        "customer": wanted.customer,
        "product": wanted.product,
        "types": [] if wanted.types is UNSET else list(wanted.types),
        "start": start if by_event else TIME_MS_LEAST,
        "end": end if by_event else TIME_MS_MOST,
        "basis": job.basis,
        "received_start": start,
        "received_end": end,
        "since": -1 if job.since_ms is None else job.since_ms,
        "watermark": job.watermark_ms,
    }


# The statement of a report's rows: its text, put together from closed sets of pieces, and its parameters.
#
# No value stands in the text: names of types and columns, the delimiter and times are parameters; only numbers that the
# layout holds are written out. So the text grows with the columns alone, by some 50 bytes each: a server takes 128 KiB.
# Where a plan has several types, a row is given the layout of its event's type first, once for all columns.
#
# What was measured of the engine, in us of a core for a row, with 3.4 million events of twenty parts:
#
# - Reading takes 0.15, making the line 0.10, putting in order 0.05, and merging equal events another 0.2.
# - A column of several types picks the place in the context, rather than one of several values: 0.06 against 0.13.
# - Whether a row needs quotes is seen from its values, those of a whole block together: 0.04. To count the delimiters
#   of the line took 0.12, and to look at each field 0.4.


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
_NULL = "CAST(NULL AS Nullable(String))"


# The characters that stand for a place in a type's layout begin here; this one itself is for no place.
_NOWHERE = 32


class _Names(Struct, frozen=True):
    """What a statement calls the layout of an event's type, and its functions with what they are given."""

    layout: str
    place: str
    column: str
    safe: str
    cell: str


class ReportStatement:
    """The statement of a report's rows in its format, the same for all spans of the report.

    `types` are those of the report's events, when they are known: no event is asked whether it is of another, which
    saves a sixth of the time where the plan has 25 and the events are of three.
    """

    def __init__(self, job: Job, layout: Layout, types: frozenset[str] | None = None) -> None:
        self._job = job
        self._types = types
        self._parameters: dict[str, Any] = {}
        self._names = _names(layout)
        # The columns whose values stand at several places are numbered from 1; by type, which has its value where.
        self._looked = 0
        self._laid: dict[str, list[tuple[int, int]]] = {}
        cells = list(self._cells(layout))
        self._shown = self._line(cells) if job.format == "csv" else self._columns(cells, layout)
        text = query("report_rows").replace("{{format}}", _FORMATS[job.format])
        self._text = text.replace("{{given}}", self._given()).replace("{{layout}}", self._layout())

    def text(self, *, final: bool = True, drop: bool = False) -> str:
        """The statement. `drop` leaves duplicates out; without `final` every event has to be in the table just once.

        Both cost something where there is nothing to do: FINAL a third of the time.
        """
        return select_rows(self._text, final=final, drop=drop).replace("{{shown}}", self._shown)

    def parameters(self, first_ms: int, last_ms: int) -> dict[str, Any]:
        """Those of the rows between two times, both inclusive."""
        return {**filter_parameters(self._job), **self._parameters, "start": first_ms, "end": last_ms}

    def _line(self, cells: list[str]) -> str:
        """A row as a line. What needs no quotes, nearly all, is put together at once; the rest field by field."""
        self._parameters["delimiter"] = self._job.delimiter
        if self._job.delimiter in _OWN_CHARACTERS:
            return _QUOTED % ", ".join(cells)
        named = [cell if cell == NOTHING else f"{cell} AS cell{index}" for index, cell in enumerate(cells)]
        short = [cell if cell == NOTHING else f"cell{index}" for index, cell in enumerate(cells)]
        special = f"arrayExists(value -> {_special('value')}, context) OR {_special('type')}"
        return f"if({special}, {_QUOTED % ', '.join(short)}, {self._joined(named)})"

    def _columns(self, cells: list[str], layout: Layout) -> str:
        """A row as columns, whose names are parameters: many long ones are more than a statement may have."""
        self._parameters |= {f"column{index}": Identifier(key) for index, key in enumerate(layout.keys)}
        return ", ".join(f"{cell} AS {{column{index}:Identifier}}" for index, cell in enumerate(cells))

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
        if job.format in encoding.TEXTS:
            plain = "toString(timestamp)" if job.format == "csv" else "timestamp"
            yield _RFC3339 if job.times == "rfc3339" else plain
        else:
            yield _MOMENT
        yield self._safe("toString(type)")
        for field in layout.fields:
            yield self._safe(self._value(field))

    def _value(self, field: Field) -> str:
        """The value of an event in this column. CSV has no nothing but the empty string."""
        csv = self._job.format == "csv"
        if any(not place.types for place in field.places):
            return _plain(field, csv=csv)
        places = {name: place.position for place in reversed(field.places) for name in place.types}
        if self._types is not None:
            places = {name: position for name, position in places.items() if name in self._types}
        if not places:
            return NOTHING if csv else _NULL
        if self._types is not None and self._types <= places.keys() and len({*places.values()}) == 1:
            value = f"context[{places.popitem()[1]:d}]"
            return value if csv else f"toNullable({value})"
        self._looked += 1
        for name, position in places.items():
            self._laid.setdefault(name, []).append((self._looked, position))
        return f"{self._names.place}({self._looked:d})"

    def _layout(self) -> str:
        """The layout of an event's type: a character for each column that is looked up, which says at which place."""
        names = self._names
        if not self._laid:
            return f"'' AS {names.layout}"
        nowhere = bytes([_NOWHERE]) * self._looked
        layouts = []
        for laid in self._laid.values():
            line = bytearray(nowhere)
            for column, position in laid:
                line[column - 1] = _NOWHERE + position
            layouts.append(line.decode("ascii"))
        self._parameters |= {"kinds": list(self._laid), "layouts": layouts, "nowhere": nowhere.decode("ascii")}
        lists = "{kinds:Array(String)}, {layouts:Array(String)}, {nowhere:String}"
        return f"transform(type, {lists}) AS {names.layout}"

    def _given(self) -> str:
        """What the columns' expressions have in common: each is defined once, however many columns there are."""
        names, given = self._names, []
        if self._laid:
            place = f"ascii(substring({names.layout}, {names.column}, 1)) - {_NOWHERE:d}"
            # There is nothing at place 0, and null at place null.
            found = place if self._job.format == "csv" else f"nullIf({place}, 0)"
            given.append(f"({names.column}) -> context[{found}] AS {names.place}")
        if self._job.safe:
            self._parameters |= {"risky": RISKY, "mark": SAFE_MARK}
            marked = f"if(match({names.cell}, {{risky:String}}), {{mark:String}}, '')"
            given.append(f"({names.cell}) -> concat({marked}, {names.cell}) AS {names.safe}")
        return f"WITH {', '.join(given)}\n" if given else ""

    def _safe(self, cell: str) -> str:
        return f"{self._names.safe}({cell})" if self._job.safe and cell != NOTHING else cell


def select_rows(text: str, *, final: bool, drop: bool) -> str:
    """Fill in whether equal events are merged on the way, and whether duplicates are left out."""
    undoubled = f"AND (timestamp, batch, sequence) GLOBAL NOT IN ({query('report_duplicates')})" if drop else ""
    return text.replace("{{final}}", "FINAL" if final else "").replace("{{undoubled}}", undoubled)


def _special(text: str) -> str:
    """Whether a text has a character that needs quotes; four looks for one take half the time of one for four."""
    return " OR ".join(f"position({text}, {character}) > 0" for character in _SPECIAL)


def _plain(field: Field, *, csv: bool) -> str:
    """The value at one place of the context, whatever the type; nothing where the context is shorter."""
    (place,) = field.places
    value = f"context[{place.position:d}]"
    return value if csv else f"if(length(context) >= {place.position:d}, {value}, {_NULL})"


def _names(layout: Layout) -> _Names:
    """Names that no column has."""
    mark = "_"
    while any(key.startswith(mark) for key in layout.keys):
        mark += "_"
    return _Names(*(mark + name for name in _Names.__struct_fields__))
