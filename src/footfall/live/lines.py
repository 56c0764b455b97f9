"""The lines of frames as a stream tells them: events as they are, those of quarantine as its list shows them."""

from collections.abc import Iterator
from itertools import count
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from footfall.journal import SegmentKind
from footfall.live.listener import message_of
from footfall.quarantine import Held
from footfall.wire import Standing

# Bytes of lines that are decoded at once: half a millisecond of the event loop, with twenty listeners.
_SLICE_BYTES: Final = 16 * 1024


class EventLine(Struct, gc=False):
    """What a selection looks at of a line."""

    customer: str
    product: str
    type: str
    context: list[str | None]
    version: str | UnsetType = UNSET


class HeldLine(EventLine, kw_only=True):
    """A line of quarantine: an event that was refused, or a later change of its state."""

    timestamp: int
    sequence: int
    batch: str
    code: str
    place: str
    reason: str
    plan: str
    received: int = 0
    address: str = ""
    origin: str = ""
    user_agent: str = ""
    state: Standing = Standing.HELD


_decode_events: Final = msgspec.json.Decoder(EventLine).decode_lines
_decode_held: Final = msgspec.json.Decoder(HeldLine).decode_lines
# What a message tells: an event's line as it is, or an event in quarantine.
Content = bytes | HeldLine


def slice_lines(lines: bytes) -> Iterator[bytes]:
    """The lines in pieces of a bounded length, or of one line."""
    start = 0
    while start < len(lines):
        end = lines.rfind(b"\n", start, start + _SLICE_BYTES) + 1 or lines.find(b"\n", start) + 1 or len(lines)
        yield lines[start:end]
        start = end


def told_lines(kind: SegmentKind, lines: bytes) -> Iterator[tuple[int, EventLine, Content]]:
    """The lines that are told, each with its place: all events, and those that quarantine holds, not what became of
    them.
    """
    if kind is SegmentKind.EVENTS:
        yield from zip(count(), _decode_events(lines), lines.split(b"\n"))
    else:
        yield from ((at, held, held) for at, held in enumerate(_decode_held(lines)) if held.state is Standing.HELD)


def render_line(content: Content, event_id: str) -> bytes:
    """The message of a line."""
    if isinstance(content, HeldLine):
        return message_of("refused", _show_held(content), event_id)
    return b"id: %b\ndata: %b\n\n" % (event_id.encode(), content)


def _show_held(line: HeldLine) -> Held:
    """The event as `GET /quarantine` shows it."""
    return Held(
        customer=line.customer,
        product=line.product,
        type=line.type,
        version="" if line.version is UNSET else line.version,
        timestamp=line.timestamp,
        context=line.context,
        sequence=line.sequence,
        batch=line.batch,
        state=line.state,
        received=line.received,
        code=line.code,
        where=line.place,
        reason=line.reason,
        plan=line.plan,
        address=line.address,
        origin=line.origin,
        user_agent=line.user_agent,
    )
