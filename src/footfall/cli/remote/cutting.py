"""Cuts rows into batches: the same rows give the same batches with the same keys, on whichever machine and day.

A batch ends after so many events or bytes, by nothing but what the file holds. Its key is a hash of its place and its
body. So a file that is sent again, after whatever end of the first run, makes the same requests, which count once.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from footfall.cli.remote.event_rows import FileRow

# Changing any of these makes other batches: events that are sent again after it would count twice.
BATCH_EVENTS: Final = 1_000  # past some hundreds an event costs the service no less
BATCH_BYTES: Final = 200_000  # below what the service works on in a thread of its own
_NAMESPACE: Final = uuid.UUID("2f6c0a54-6b0b-4a8e-9d53-1f7a5c1e8d40")


class FileEvent(Struct, frozen=True, gc=False):
    """An event with its place: the number of its first line, and the offset of its first byte in the text."""

    body: bytes
    line: int
    offset: int


class Reject(Struct, frozen=True):
    """A row that is no event, or an event that the service refuses, with the reason."""

    line: int
    offset: int
    reason: str
    text: bytes
    code: str = ""
    path: str = ""


class FileBatch(Struct, frozen=True):
    """Events that are sent in one request, and the rows among them that are none.

    `end` is the offset behind its last row, `lines` the number of lines up to there, and `digest` the hash of the text
    from the start of the file to `end`.
    """

    events: list[FileEvent]
    rejects: list[Reject]
    end: int
    lines: int
    digest: str


def cut(rows: Iterable[FileRow], signature: bytes, resume_at: int | None = None) -> Iterator[FileBatch]:
    """Batches of rows in their order; one ends at `resume_at` too, where an earlier run has stopped.

    `signature` is what else decides the events that a text makes, such as defaults: it is part of the digests.
    """
    digest = hashlib.sha256(signature)
    events: list[FileEvent] = []
    rejects: list[Reject] = []
    raws: list[bytes] = []
    offset = lines = held = 0
    for row in rows:
        if row.event is not None:
            events.append(FileEvent(row.event, lines + 1, offset))
            held += len(row.event)
        elif row.reason:
            rejects.append(Reject(lines + 1, offset, row.reason, row.text or row.raw))
            held += len(row.raw)
        raws.append(row.raw)
        offset += len(row.raw)
        lines += row.raw.count(b"\n")
        if len(events) + len(rejects) >= BATCH_EVENTS or held >= BATCH_BYTES or offset == resume_at:
            digest.update(b"".join(raws))
            yield FileBatch(events, rejects, offset, lines, digest.hexdigest())
            events, rejects, raws, held = [], [], [], 0
    if raws:
        digest.update(b"".join(raws))
        yield FileBatch(events, rejects, offset, lines, digest.hexdigest())


def body_of(events: Sequence[FileEvent]) -> bytes:
    """The body of a request with these events."""
    return b'{"events":[' + b",".join([event.body for event in events]) + b"]}"


def key_of(events: Sequence[FileEvent], body: bytes) -> str:
    """The Idempotency-Key of the request: of where its first event stands, and of its body."""
    digest = hashlib.sha256(_NAMESPACE.bytes + events[0].offset.to_bytes(8) + body).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))
