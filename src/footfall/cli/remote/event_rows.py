"""What the lines of a file are: events as JSON, rows of a CSV file, or rejects of an earlier run that were mended.

A row is the bytes of an event, ready for a request, or the reason why there is none.
"""

import csv
import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import click
import msgspec
from msgspec import Struct

from footfall import windows
from footfall.cli.remote.event_files import BOM, LINE_BYTES_MAX, TableText, find_delimiter, read_header
from footfall.wording import plain

_NUMBERED: Final = re.compile(r"context([1-9]\d?)", re.ASCII)
_FIELDS: Final = ("customer", "product", "type", "version", "timestamp", "context")
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


class FileRow(Struct, frozen=True, gc=False):
    """A line, or the lines of a CSV row: `event` is its JSON, or None for the `reason`. `raw` is what stood there.

    `text` is what a reject is shown with, where that is not the row itself.
    """

    raw: bytes
    event: bytes | None
    reason: str = ""
    text: bytes = b""


class Defaults(Struct, frozen=True):
    """Values of events that the file does not say, and how its columns are meant."""

    customer: str = ""
    product: str = ""
    type: str = ""
    version: str = ""
    context: tuple[str, ...] = ()
    delimiter: str = ""
    zone: dt.tzinfo = dt.UTC


# Makes an event of names and values, by the tracking plan: raises ValueError.
ByPlan = Callable[[Mapping[str, Any], Mapping[str, str]], dict[str, Any]]


def json_rows(lines: Iterable[bytes], defaults: Defaults) -> Iterator[FileRow]:
    """Events as JSON lines, as they are; what a line lacks comes from the defaults.

    An empty line is a row without an event and without a reason.
    """
    given = {name: getattr(defaults, name) for name in _FIELDS[:4] if getattr(defaults, name)}
    pieces = 0
    for line in lines:
        if pieces or len(line) > LINE_BYTES_MAX:
            yield FileRow(line, None, "" if pieces else f"the line is longer than {LINE_BYTES_MAX} bytes")
            pieces = 0 if line.endswith(b"\n") else pieces + 1
            continue
        text = line.removeprefix(BOM).strip()
        try:
            found = _decode(text) if text else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield _odd_row(line, text, given)
            continue
        if type(found) is dict:
            if given or ("event" in found and "reason" in found):
                found = found["event"] if "reason" in found and "event" in found else found
                text = _encode(found if not isinstance(found, dict) else {**given, **found})
            yield FileRow(line, text)
        else:
            yield FileRow(line, None, "the line is no JSON object" if text else "")


def _odd_row(line: bytes, text: bytes, given: Mapping[str, str]) -> FileRow:
    """What the quick decoder does not take: text that was cut within a character is taken by the service."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return FileRow(line, None, f"the line is not JSON: {plain(str(error))}")
    if not isinstance(found, dict):
        return FileRow(line, None, "the line is no JSON object")
    return FileRow(line, json.dumps({**given, **found}).encode())


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def csv_rows(lines: Iterable[bytes], defaults: Defaults, by_plan: Callable[[], ByPlan]) -> Iterator[FileRow]:
    """Rows of a CSV file, the first of which is the header; ends the command where the header cannot be used.

    Columns are `customer`, `product`, `type`, `version`, `timestamp`; and of the context either `context` as a JSON
    array, `context1`, `context2` and so on, the columns that the defaults name, or the keys of the tracking plan.
    """
    source = TableText(lines)
    head = next(source, "")
    delimiter = defaults.delimiter or find_delimiter(head)
    columns = [name.strip() for name in read_header(head, delimiter)]
    make = _event_maker(columns, defaults, by_plan)
    rows = csv.reader(source, delimiter=delimiter)
    yield FileRow(source.take(), None)
    while True:
        try:
            cells = next(rows)
            event = _encode(make(cells)) if cells else None
            yield FileRow(source.take(), event)
        except StopIteration:
            return
        except (ValueError, csv.Error, TypeError) as error:  # a UnicodeEncodeError is a ValueError
            is_text = isinstance(error, UnicodeEncodeError)
            yield FileRow(source.take(), None, "the row is not UTF-8" if is_text else plain(str(error)))


def _event_maker(
    columns: list[str], defaults: Defaults, by_plan: Callable[[], ByPlan]
) -> Callable[[list[str]], dict[str, Any]]:
    """The function that makes an event of a row's cells."""
    at = {name: place for place, name in enumerate(columns)}
    if len(at) < len(columns):
        raise click.ClickException("the header names a column twice")
    if "timestamp" not in at:
        raise click.ClickException("the header has no column timestamp; the first line of a CSV file names its columns")
    for name in ("customer", "product", "type"):
        if name not in at and not getattr(defaults, name):
            raise click.ClickException(f"the header has no column {name}: say it for all rows with --{name}")
    context_of = _context_maker(at, defaults)
    if context_of is not None:
        finish = partial(_with_context, context_of)
    else:
        others = {name: place for name, place in at.items() if name not in _FIELDS}
        finish = partial(_with_names, by_plan(), others)

    def make(cells: list[str]) -> dict[str, Any]:
        if len(cells) != len(columns):
            raise ValueError(f"the row has {len(cells)} cells where the header names {len(columns)}")
        event: dict[str, Any] = {}
        for name in _FIELDS[:4]:
            value = cells[at[name]] if name in at else ""
            if value or getattr(defaults, name):
                event[name] = value or getattr(defaults, name)
        event["timestamp"] = _time(cells[at["timestamp"]], defaults.zone)
        return finish(event, cells)

    return make


def _with_context(
    context_of: Callable[[list[str]], Sequence[object]], event: dict[str, Any], cells: list[str]
) -> dict[str, Any]:
    return {**event, "context": context_of(cells)}


def _with_names(plan: ByPlan, places: Mapping[str, int], event: dict[str, Any], cells: list[str]) -> dict[str, Any]:
    return plan(event, {name: cells[place] for name, place in places.items() if cells[place]})


def _context_maker(at: Mapping[str, int], defaults: Defaults) -> Callable[[list[str]], Sequence[object]] | None:
    """The function that takes the context from a row's cells; None where only the plan knows."""
    if defaults.context:
        lacks = [name for name in defaults.context if name not in at]
        if lacks:
            raise click.ClickException(f"the header has no column {plain(lacks[0])}, which --context names")
        return _from_places([at[name] for name in defaults.context])
    if "context" in at:
        place = at["context"]
        return lambda cells: _array(cells[place])
    numbered = {int(found[1]): place for name, place in at.items() if (found := _NUMBERED.fullmatch(name))}
    if numbered or not set(at) - set(_FIELDS):
        return _from_places([numbered[number] for number in sorted(numbered)])
    return None


def _from_places(places: list[int]) -> Callable[[list[str]], list[str]]:
    def context(cells: list[str]) -> list[str]:
        found = [cells[place] for place in places]
        while found and not found[-1]:
            found.pop()
        return found

    return context


def _array(text: str) -> list[Any]:
    found = json.loads(text) if text else []
    if not isinstance(found, list):
        raise ValueError("context is no JSON array")  # noqa: TRY004 - told like every fault of a row
    return found


def _time(text: str, zone: dt.tzinfo) -> int:
    found = windows.parse_instant(text.strip(), zone)
    if found is None:
        raise ValueError(f"{text!r} is no time: milliseconds since 1970, 2026-11-23, or 2026-11-23T18:30:00Z")
    return found
