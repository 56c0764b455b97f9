"""Reads exports as records: CSV and TSV with a header or known columns, JSON lines, and one JSON array.

Each record keeps the bytes that it was read from, so that its place in the text is known. A record that holds several
events, such as a visit, shares its bytes among them: each event has a place of its own.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, Literal

import click
import msgspec
from msgspec import Struct

from footfall.cli.remote.event_files import BOM, LINE_BYTES_MAX, TableText, find_delimiter, read_header
from footfall.cli.remote.exports.formats import FORMATS, ExportFormat, totals_reason
from footfall.wording import plain

_TOKEN: Final = re.compile(rb'["\\{}\[\]]')
_GOATCOUNTER_VERSIONS: Final = ("1", "2")
_ZIP: Final = b"PK\x03\x04"
_ZIP_NAME_AT: Final = 30
_PARQUET: Final = b"PAR1"
_NULL: Final = "\\N"  # as ClickHouse writes it
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


class Record(Struct, frozen=True, gc=False):
    """A record: its fields, or the reason why it has none; neither for a header and an empty line."""

    raw: bytes
    fields: dict[str, Any] | None
    reason: str = ""
    text: bytes = b""


def records(lines: Iterable[bytes], source: str) -> Iterator[Record]:
    """The records of a file; ends the command where the file as a whole cannot be single events."""
    source_lines = iter(lines)
    head = first = b""
    for line in source_lines:
        if first := line.removeprefix(BOM).lstrip():
            head = line
            break
        yield Record(line, None)
    _require_text(first, source)
    found = FORMATS[source]
    whole = chain([head] if head else [], source_lines)
    if first.startswith(b"["):
        made = _split_events(_json_array(whole), found)
    elif first.startswith(b"{"):
        made = _split_events(_json_lines(whole), found)
    else:
        made = _table(whole, source, found)
    yield from _refusing_totals(made, source)


def _require_text(first: bytes, source: str) -> None:
    """End the command for files that are archives or tables of another kind."""
    if first.startswith(_PARQUET):
        raise click.ClickException("this is a Parquet file: export JSON lines instead")
    if not first.startswith(_ZIP):
        return
    name = first[_ZIP_NAME_AT : _ZIP_NAME_AT + int.from_bytes(first[26:28], "little")].decode("utf-8", "replace")
    if name.startswith("imported_") or name.endswith((".jsonl", "info.json")):
        raise click.ClickException(
            f"the archive begins with {plain(name)!r}: it holds counts, which cannot become single events without "
            f"inventing their times and visitors: {FORMATS[source].totals}"
        )
    raise click.ClickException(f"this is a zip archive, which begins with {plain(name)!r}: unpack it, import its files")


def _refusing_totals(made: Iterator[Record], source: str) -> Iterator[Record]:
    """Look at the first record, before any is sent."""
    is_first = True
    for record in made:
        if is_first and record.fields is not None:
            is_first = False
            if reason := totals_reason(source, record.fields):
                raise click.ClickException(reason)
        yield record


def _json_lines(lines: Iterable[bytes]) -> Iterator[Record]:
    pieces = 0
    for line in lines:
        if pieces or len(line) > LINE_BYTES_MAX:
            yield Record(line, None, "" if pieces else f"the line is longer than {LINE_BYTES_MAX} bytes")
            pieces = 0 if line.endswith(b"\n") else pieces + 1
            continue
        yield _json_record(line, line.removeprefix(BOM).strip())


def _json_record(raw: bytes, text: bytes) -> Record:
    if not text:
        return Record(raw, None)
    try:
        found = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Record(raw, None, "the record is not JSON")
    if not isinstance(found, dict):
        return Record(raw, None, "the record is no JSON object")
    if "offset" in found and "reason" in found and isinstance(found.get("event"), dict):  # of a file of rejects
        if "code" in found:
            return Record(raw, None, "an event that the service has refused: mend it, and send it with `footfall send`")
        return Record(raw, found["event"])
    return Record(raw, found)


def _json_array(lines: Iterable[bytes]) -> Iterator[Record]:
    """The objects of an array, however its text is broken into lines, without reading all of it at once."""
    held: list[bytes] = []
    depth = size = 0
    brackets = _Brackets()
    for line in lines:
        begin = 0
        for end, change in brackets.of(line):
            depth += change
            if depth == 1 and change < 0:
                raw = b"".join([*held, line[begin:end]])
                held, size, begin = [], 0, end
                # Line breaks within texts are escaped.
                text = raw.removeprefix(BOM).lstrip(b" \t\r\n[,").replace(b"\n", b" ")
                yield msgspec.structs.replace(_json_record(raw, text), text=text)
        held.append(line[begin:])
        size += len(line) - begin
        if size > LINE_BYTES_MAX:
            raise click.ClickException(f"a record of the array is longer than {LINE_BYTES_MAX} bytes: is it JSON?")
    yield Record(b"".join(held), None, "the array does not end" if depth else "")


class _Brackets:
    """Finds the brackets of JSON that are in no text of it, in pieces of its bytes."""

    def __init__(self) -> None:
        self._in_text = False
        self._skipped = 0

    def of(self, piece: bytes) -> Iterator[tuple[int, int]]:
        """The place behind each bracket, and 1 where it opens, -1 where it closes."""
        skip_to, self._skipped = self._skipped, 0
        for token in _TOKEN.finditer(piece):
            at, sign = token.start(), token.group()
            if at < skip_to:
                continue
            if sign == b"\\":
                skip_to = at + 2
            elif sign == b'"':
                self._in_text = not self._in_text
            elif not self._in_text:
                yield at + 1, 1 if sign in b"{[" else -1
        self._skipped = max(skip_to - len(piece), 0)


def _split_events(made: Iterator[Record], found: ExportFormat) -> Iterator[Record]:
    """Each event of records that hold several, with what the record says of them all."""
    for record in made:
        events = record.fields.get(found.events) if found.events and record.fields else None
        if record.fields is None or not isinstance(events, list):
            yield record
            continue
        events = [one for one in events if isinstance(one, dict)]
        if not events:
            yield Record(record.raw, None)
            continue
        shared = {key: one for key, one in record.fields.items() if key != found.events and one is not False}
        last = len(events) - 1
        for at, event in enumerate(events):
            # An event has more than one byte of its record's text, so that each is left one.
            raw = record.raw[at : at + 1] if at < last else record.raw[last:]
            yield Record(raw, {**shared, **event}, text=_encode({**shared, found.events: [event]}))


def _table(lines: Iterable[bytes], source: str, found: ExportFormat) -> Iterator[Record]:
    text = TableText(lines)
    head = next(text, "")
    delimiter = "\t" if found.columns else find_delimiter(head)
    quoting: Literal[0, 3] = csv.QUOTE_NONE if found.columns else csv.QUOTE_MINIMAL
    columns = _columns(read_header(head, delimiter, quoting), source, found)
    if columns is None:
        columns = list(found.columns)
        rows = csv.reader(chain([head], text), delimiter=delimiter, quoting=quoting)
    else:
        if reason := totals_reason(source, dict.fromkeys(columns, "")):
            raise click.ClickException(reason)
        yield Record(text.take(), None)
        rows = csv.reader(text, delimiter=delimiter, quoting=quoting)
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield Record(text.take(), None, plain(str(error)))
            continue
        if cells is None:
            return
        yield _row(text.take(), cells, columns)


def _row(raw: bytes, cells: list[str], columns: list[str]) -> Record:
    if not cells:
        return Record(raw, None)
    if len(cells) != len(columns):
        return Record(raw, None, f"the row has {len(cells)} cells where there are {len(columns)} columns")
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return Record(raw, None, "the row is not UTF-8")
    return Record(raw, {name: cell for name, cell in zip(columns, cells, strict=True) if cell != _NULL})


def _columns(head: list[str], source: str, found: ExportFormat) -> list[str] | None:
    """The columns that a header names; None where the first row is none. Ends the command for an unknown header."""
    if found.columns and head[:1] != [found.columns[0]]:
        if len(head) != len(found.columns):
            raise click.ClickException(
                f"{found.title} files have {len(found.columns)} columns and no header; this has {len(head)}"
            )
        return None
    columns = [name.strip() for name in head]
    if source == "goatcounter" and columns and columns[0].endswith("Path"):
        if columns[0].removesuffix("Path") not in _GOATCOUNTER_VERSIONS:
            raise click.ClickException(f"a GoatCounter export of an unknown version: {plain(columns[0])!r}")
        columns[0] = "Path"
    if len(set(columns)) < len(columns):
        raise click.ClickException("the header names a column twice")
    return columns


def find_field(fields: Mapping[str, Any], path: str) -> Any:
    """What a path leads to; None where there is nothing."""
    if path in fields:
        return fields[path]
    head, _, rest = path.partition(".")
    inner = fields.get(head) if rest else None
    if isinstance(inner, str) and inner.startswith("{"):
        try:
            inner = _decode(inner)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
    return find_field(inner, rest) if isinstance(inner, dict) else None
