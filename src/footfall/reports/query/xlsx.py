"""Spreadsheet files (xlsx): rows that the engine writes as XML, one line each, packed as they pass.

A text is an inline string (ECMA-376, 18.4.12), which no program takes for a formula, a number or a link. Characters
that XML does not have are written as that standard does, `_x0001_`; where a text already has such a place, its `_` is
`_x005F_`, so that each text can be had back. A key that the event's type does not have is an empty cell.

Nothing is kept but a block: a library would hold each sheet in memory or in a temporary file until its end.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, Final

from footfall.reports.encoding import BLOCK_BYTES, GZIP_LEVEL, TEXTS
from footfall.reports.query.columnar import Columnar, GroupSizes, WrittenBytes
from footfall.state import Job

# What a cell holds, in units of UTF-16; a file with more is taken for damaged.
CELL_UNITS_MAX: Final = 32_767
# Characters that stay of a longer text; half as many where some have two units.
CUT_CHARS: Final = 32_000
# How a text begins that was cut. No text of an event can hold it.
CUT_START: Final = '<c s="2" t="inlineStr"><is><t xml:space="preserve">'
_TEXT_START = '<c t="inlineStr"><is><t xml:space="preserve">'
_TEXT_END = "</t></is></c>"
_EMPTY_CELL = "'<c/>'"
# Times that a spreadsheet has a number for: from the day after the one that 1900 did not have.
_FIRST_MS, _LAST_MS = -2_203_891_200_000, 253_402_300_799_999
# The number of 1970-01-01, in days.
_EPOCH_DAY = 25_569
_DAY_MS = 86_400_000
# Texts that need more than to be copied: nearly none.
_ODD = "[&<>\\x00-\\x1f]|_x|[\\x{fffe}\\x{ffff}]"
# Parts of a text that look like a character that XML does not have, or do before one, which is written from `_x` on.
_ESCAPES = "_x[0-9A-Fa-f]{4}[_\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffe\uffff]"
_WIDE = "[\\x{10000}-\\x{10ffff}]"
# What each character is written as; `&` comes first, for the others have it.
_WRITTEN = {
    **dict(zip("&<>\t\n\r", ("&amp;", "&lt;", "&gt;", "&#9;", "&#10;", "&#13;"), strict=True)),
    **{one: f"_x{ord(one):04X}_" for one in (*map(chr, range(32)), "\ufffe", "\uffff") if one not in "\t\n\r"},
}


def xml_text(text: str) -> str:
    """A text as it stands in a cell: what the engine's expression makes of it."""
    xml = text.replace("_x", "_x005F_x") if re.search(_ESCAPES, text) else text
    for character, written in _WRITTEN.items():
        xml = xml.replace(character, written)
    return xml


def xml_parameters() -> dict[str, Any]:
    """The parameters of `xml_functions` and `xml_row`."""
    return {
        "odd_text": _ODD,
        "escapes": _ESCAPES,
        "wide": _WIDE,
    }


def xml_functions(mark: str) -> tuple[str, ...]:
    """The functions that the expressions of cells share; their names begin with `mark`."""
    xml = "if(match(text, {escapes:String}), replaceAll(text, '_x', '_x005F_x'), text)"
    for character, written in _WRITTEN.items():
        one = f"char({ord(character)})" if character < " " else f"'{character}'"
        xml = f"replaceAll({xml}, {one}, '{written}')"
    xml = f"if(match(text, {{odd_text:String}}), {xml}, text)"
    units = "lengthUTF8(text) + countMatches(text, {wide:String})"
    kept = f"substringUTF8(text, 1, if(match(text, {{wide:String}}), {CUT_CHARS // 2:d}, {CUT_CHARS:d}))"
    cut = f"concat({kept}, ' … (cut here, of ', toString(lengthUTF8(text)), ' characters)')"
    is_long = f"length(text) > {CELL_UNITS_MAX:d} AND {units} > {CELL_UNITS_MAX:d}"
    cut_cell = f"concat('{CUT_START}', {mark}xml({cut}), '{_TEXT_END}')"
    cell = f"concat('{_TEXT_START}', {mark}xml(text), '{_TEXT_END}')"
    return (
        f"(text) -> {xml} AS {mark}xml",
        f"(text) -> ifNull(if({is_long}, {cut_cell}, {cell}), {_EMPTY_CELL}) AS {mark}text",
    )


def xml_row(mark: str, before: Iterable[str], cells: Iterable[str], nothing: str) -> str:
    """The expression of a row: texts `before` a time, and texts behind it, of which `nothing` is always empty."""
    number = f"toString(timestamp / {_DAY_MS:d} + {_EPOCH_DAY:d})"
    time = (
        f"if(timestamp BETWEEN {_FIRST_MS:d} AND {_LAST_MS:d}, concat('<c s=\"1\"><v>', {number}, '</v></c>'), "
        f"{mark}text(toString(timestamp)))"
    )
    first = [f"{mark}text({cell})" for cell in before]
    texts = [_EMPTY_CELL if cell == nothing else f"{mark}text({cell})" for cell in cells]
    return f"concat({', '.join(['<row>'.join(chr(39) * 2), *first, time, *texts])}, '</row>')"


# What a sheet holds, the row of the names included; programs refuse or drop more.
SHEET_ROWS_MAX: Final = 1_048_576
# Past 2 GiB of a sheet's XML the zip file would need an extension, for which Excel offers a repair.
SHEET_BYTES_MAX: Final = 1024 * 1024 * 1024

_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Every part is a sheet but those that are named here, so that this one can stand first: programs look for it there.
_CONTENT_TYPES: Final = f"""{_XML}<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="{_TYPE}.worksheet+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>
<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>
</Types>"""
_PARTS: Final = f"""{_XML}<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>
</Relationships>"""
# Formats of cells: 0 text, 1 a time, 2 a text that was cut, 3 the name of a column.
_STYLES: Final = f"""{_XML}<styleSheet xmlns="{_MAIN}">
<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/></numFmts>
<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>\
<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>
<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>\
<fill><patternFill patternType="solid"><fgColor rgb="FFFFE699"/></patternFill></fill></fills>
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>\
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="0" fontId="0" fillId="2" borderId="0" xfId="0" applyFill="1"/>\
<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>
</styleSheet>"""
# The first row stays in sight; times and texts have room.
_SHEET_START: Final = f"""{_XML}<worksheet xmlns="{_MAIN}">
<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>\
</sheetView></sheetViews>
<cols><col min="1" max="1" width="24" customWidth="1"/><col min="2" max="16384" width="20" customWidth="1"/></cols>
<sheetData>
"""
_SHEET_END: Final = b"</sheetData></worksheet>"


class Workbook:
    """Writes one file: takes streams of rows and yields the file's bytes. `begin` sets the columns' names.

    A sheet ends before the row that would be too many, or too long, for it; the next begins with the names again.
    `rows` counts the rows so far, `cut_cells` the texts that were longer than a cell may be.
    """

    def __init__(self) -> None:
        self._out = WrittenBytes()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED, compresslevel=GZIP_LEVEL)
        self._names = b""
        self._sheet: Any = None
        self._sheets = 0
        self._room_rows = 0
        self._room_bytes = 0
        # Written in blocks of one size, so that the same rows are the same file however they came.
        self._held = bytearray()
        self.rows = 0
        self.cut_cells = 0

    def begin(self, names: Iterable[str]) -> None:
        """Set the names that stand in the first row of each sheet."""
        cells = "".join(f'<c s="3" t="inlineStr"><is><t>{xml_text(name)}</t></is></c>' for name in names)
        self._names = f"<row>{cells}</row>\n".encode()

    def add(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Take the rows of one stream, and yield the bytes of the file that are ready."""
        rest = b""
        try:
            for block in stream:
                lines, ended, rest = (rest + block).rpartition(b"\n")
                if ended:
                    yield from self._add_lines(lines + ended)
        except BaseException:
            self._abandon()
            raise

    def end(self) -> Iterator[bytes]:
        """Yield the rest of the file."""
        if self._sheet is None:
            self._open_sheet()
        self._close_sheet()
        names = ["Events", *(f"Events {number}" for number in range(2, self._sheets + 1))]
        sheets = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1))
        targets = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, self._sheets + 1)]
        related = "".join(
            f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
            for n, (kind, target) in enumerate([*targets, ("styles", "styles.xml")], 1)
        )
        workbook = f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'
        self._write_part("xl/workbook.xml", workbook)
        relations = f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>'
        self._write_part("xl/_rels/workbook.xml.rels", relations)
        self._zip.close()
        yield from self._out.take()

    def _abandon(self) -> None:
        """End what the library has begun: left to itself, it would complain on standard error."""
        if self._sheet is not None:
            self._sheet.close()
        self._zip.close()

    def _add_lines(self, lines: bytes) -> Iterator[bytes]:
        """Write whole rows, into as many sheets as they need."""
        self.rows += lines.count(b"\n")
        self.cut_cells += lines.count(CUT_START.encode())
        while lines:
            fitting = self._fitting(lines)
            if not fitting:
                self._close_sheet()
                self._open_sheet()
                continue
            self._room_rows -= lines.count(b"\n", 0, fitting)
            self._room_bytes -= fitting
            self._held += lines[:fitting]
            lines = lines[fitting:]
            yield from self._flush()

    def _fitting(self, lines: bytes) -> int:
        """The length of the rows that the sheet takes yet."""
        fitting = len(lines) if len(lines) <= self._room_bytes else lines.rfind(b"\n", 0, self._room_bytes) + 1
        if lines.count(b"\n", 0, fitting) > self._room_rows:
            fitting = sum(len(line) + 1 for line in lines.split(b"\n", self._room_rows)[: self._room_rows])
        return fitting

    def _flush(self) -> Iterator[bytes]:
        whole = len(self._held) - len(self._held) % BLOCK_BYTES
        for at in range(0, whole, BLOCK_BYTES):
            self._sheet.write(self._held[at : at + BLOCK_BYTES])
            yield from self._out.take()
        del self._held[:whole]

    def _open_sheet(self) -> None:
        if not self._sheets:
            for name, text in (("[Content_Types].xml", _CONTENT_TYPES), ("_rels/.rels", _PARTS)):
                self._write_part(name, text)
            self._write_part("xl/styles.xml", _STYLES)
        self._sheets += 1
        self._sheet = self._zip.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        self._held += _SHEET_START.encode() + self._names
        self._room_rows, self._room_bytes = SHEET_ROWS_MAX - 1, SHEET_BYTES_MAX

    def _close_sheet(self) -> None:
        if self._sheet is not None:
            self._sheet.write(self._held + _SHEET_END)
            self._held.clear()
            self._sheet.close()

    def _write_part(self, name: str, text: str) -> None:
        # `writestr` would write the time of day.
        with self._zip.open(name, "w") as part:
            part.write(text.encode())


def open_writer(job: Job, sizes: GroupSizes, *, any_block: bool) -> Columnar | Workbook | None:
    """What writes the report's file; None for a text, which needs nothing but its compression."""
    if job.format in TEXTS:
        return None
    return Workbook() if job.format == "xlsx" else Columnar(job.format, job.compression, sizes, any_block=any_block)
