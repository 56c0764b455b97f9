"""The look into this node's files: what has been acknowledged and is not in the store yet, or never can be."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.journal import Folder, Frame, Kind, kind_of, sealed_name, walk
from footfall.receipts.receipt import HELD, Event, Found, Held


class _Line(Struct):
    """What a receipt needs of a line of a segment, of either kind."""

    batch: str
    sequence: int
    customer: str
    received: int = 0
    admitted: int = 0
    state: str = HELD
    held_since: int = 0
    code: str = ""
    reason: str = ""


_decode = msgspec.json.Decoder(_Line).decode


def search(batch: str, journal: Folder, aside: Path, bytes_max: int) -> Found:
    """What the journal's segments, open and sealed, and those that were set aside have of a batch. Blocks.

    The newest come first, and the look ends after `bytes_max` bytes of files. A frame that is being written may be
    found or not. Raises OSError.
    """
    found = Found()
    left = bytes_max
    for path in _segments(journal, aside):
        data = _read(path, left)
        if data is None:
            found.complete = False
            break
        left -= len(data)
        for part in walk(data):
            if isinstance(part, Frame):
                _gather(part.lines, batch, kind_of(path), found)
    return found


def _segments(journal: Folder, aside: Path) -> Iterator[Path]:
    yield from (journal.path / name for name in reversed(journal.names()))
    # Listed only now, because a segment may have been moved there meanwhile.
    if aside.is_dir():
        yield from (aside / name for name in reversed(Folder(aside).names()))


def _read(path: Path, bytes_max: int) -> bytes | None:
    """A segment's bytes, those of its sealed file if it was sealed meanwhile; None when they are too many.

    One that is gone has been loaded, and has none.
    """
    for name in (path, sealed_name(path)):
        try:
            return name.read_bytes() if name.stat().st_size <= bytes_max else None
        except FileNotFoundError:
            continue
    return b""


def _gather(lines: bytes, batch: str, kind: Kind, found: Found) -> None:
    wanted = batch.encode()
    # Looking for its bytes is ten times quicker than parsing what is not wanted.
    for text in lines.split(b"\n") if wanted in lines else ():
        line = _decode(text) if wanted in text else None
        if line is None or line.batch != batch:
            continue
        if kind is Kind.EVENTS:
            found.journaled.append(Event(line.sequence, line.customer, line.received, line.admitted))
        else:
            received = line.held_since or line.received
            found.held.append(Held(line.sequence, line.customer, received, line.state, line.code, line.reason))
