"""A listener: what is wanted of the stream, and the messages that wait for the client to take them, in bounded memory.

A message is an event of the format `text/event-stream`, as bytes.
"""

import asyncio
from collections import deque
from typing import Final

import msgspec

from footfall.journal import SegmentKind
from footfall.plan import Plan
from footfall.state import User
from footfall.usage import EventSelection, Matcher, compile_matcher

# Bytes of messages that are handed on at once: as many as a connection takes before it waits for its client.
_TAKEN_BYTES: Final = 32 * 1024

# Why events are missing from a stream, or why it ends: closed sets, which docs/http-api.md explains.
SLOW: Final = "slow"
BUSY: Final = "busy"
GONE: Final = "gone"
USER_CHANGED: Final = "user-changed"
USERS_AWAY: Final = "users-away"
FAILED: Final = "failed"
AGE: Final = "age"
STOPPING: Final = "stopping"


class Listener:
    """A user's stream; belongs to one event loop.

    When the messages that wait have more than `buffer_bytes_max`, further events are dropped, counted, and told of as
    soon as there is room. `has_more` is set while there is something to take or the stream `has_ended`.
    """

    def __init__(self, user: User, selection: EventSelection, buffer_bytes_max: int) -> None:
        self.user = user
        self.selection = selection
        self.has_more = asyncio.Event()
        self.has_ended = asyncio.Event()
        self.end_reason = ""
        # Events that were dropped, in all.
        self.dropped = 0
        self._buffer_bytes_max = buffer_bytes_max
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        # Events that were dropped since the client was told last, and the id of the last of them.
        self._untold, self._untold_id = 0, ""
        self._plan: Plan | None = None
        self._matches: Matcher = lambda _: False

    def matcher(self, plan: Plan) -> Matcher:
        """Whether an event is wanted, by the plan in force."""
        if self._plan is not plan:
            self._plan, self._matches = plan, compile_matcher(self.selection, plan)
        return self._matches

    def may_see(self, kind: SegmentKind) -> bool:
        """Whether lines of this kind are for the user: what quarantine holds is for admins."""
        return kind is SegmentKind.EVENTS or self.user.admin

    @property
    def is_idle(self) -> bool:
        """Whether the client was told everything."""
        return not (self._messages or self._untold)

    def push(self, message: bytes, event_id: str) -> None:
        """Have an event told, or drop it where the client is too slow."""
        if self._messages and self._bytes + len(message) > self._buffer_bytes_max:
            self._untold += 1
            self._untold_id = event_id
            self.dropped += 1
        else:
            self._tell_dropped()
            self._append(message)

    def tell(self, message: bytes) -> None:
        """Have a message told that is no event, where there is room for it."""
        if self._bytes + len(message) <= self._buffer_bytes_max:
            self._append(message)

    def lose(self, reason: str) -> None:
        """Tell that an unknown number of events is missing here."""
        self._tell_dropped()
        self._append(message_of("dropped", {"reason": reason}))

    def note(self, event_id: str) -> None:
        """Have the client remember how far it was told, though no event tells it."""
        self._append(b": \nid: %b\n\n" % event_id.encode())

    def end(self, reason: str) -> None:
        """End the stream, without what waits."""
        if not self.has_ended.is_set():
            self._messages.clear()
            self._bytes = self._untold = 0
            self.end_reason = reason
            self._append(message_of("end", {"reason": reason}))
            self.has_ended.set()

    def take(self) -> bytes:
        """Messages that wait, some at once."""
        taken: list[bytes] = []
        size = 0
        if not self._messages:
            self._tell_dropped()
        while self._messages and size < _TAKEN_BYTES:
            message = self._messages.popleft()
            taken.append(message)
            size += len(message)
        self._bytes -= size
        if self.is_idle:
            self.has_more.clear()
        return b"".join(taken)

    def _tell_dropped(self) -> None:
        if self._untold:
            self._append(message_of("dropped", {"reason": SLOW, "events": self._untold}, self._untold_id))
            self._untold = 0

    def _append(self, message: bytes) -> None:
        self._messages.append(message)
        self._bytes += len(message)
        self.has_more.set()


def message_of(name: str, content: object, event_id: str = "") -> bytes:
    """A message with a name, and JSON as its data."""
    id_line = b"id: %b\n" % event_id.encode() if event_id else b""
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), id_line, msgspec.json.encode(content))
