"""The live stream of a service as messages, across connections that end: each goes on behind the last message."""

import errno
import re
import sys
import time
from collections.abc import Callable
from select import POLLERR, poll
from typing import Any, Final
from urllib.parse import urlencode

from footfall_client import ServiceError, Unreachable
from footfall_client.answers import Backoff, retry_after_s
from footfall_client.calls import Request, error_of
from footfall_client.service import Requests
from msgspec import Struct

from footfall.cli.remote.connecting import RemoteService

# The service sends something every 15 seconds unless a setting says otherwise.
_TIMEOUT_S: Final = 70.0
_BACKOFF: Final = Backoff(0.5, 15.0)
_ANOTHER_TIME: Final = (408, 425, 429, 500, 502, 503, 504)
# Bytes of one message; the service takes no event that is larger.
_MESSAGE_BYTES_MAX: Final = 64 * 1024 * 1024
_FIELD: Final = re.compile(rb"(id|event|data|retry)?(?::| |$)")


class StreamMessage(Struct, frozen=True):
    """A message: its name, which is empty for an event, and its data."""

    name: str
    data: bytes


class MessageReader:
    """The messages in the pieces of a body of the format `text/event-stream`; `last_id` is that of the latest."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.has_begun = False
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []
        self._data_bytes = 0

    def read(self, piece: bytes) -> list[StreamMessage]:
        """The messages that are complete with this piece. Raises ServiceError for what is no such stream."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        is_other = bool(lines) and not self.has_begun and not _FIELD.match(lines[0])
        if is_other or max(len(self._rest), self._data_bytes) > _MESSAGE_BYTES_MAX:
            raise ServiceError(200, "", "no stream of events: is the address that of a service?")
        self.has_begun |= bool(lines)
        return [message for line in lines if (message := self._line(line.removesuffix(b"\r"))) is not None]

    def _line(self, line: bytes) -> StreamMessage | None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            # A list's place for a line counts too, which may be empty.
            self._data_bytes += len(value) + 64
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field == b"id" and value.isascii() and value.decode("ascii").isprintable():
            self.last_id = value.decode("ascii")
        if line or not self._data:
            return None
        message = StreamMessage(self._name, b"\n".join(self._data))
        self._name, self._data, self._data_bytes = "", [], 0
        return message


class EventStream:
    """Follows the stream until it is stopped; `tell` takes the messages of each piece, `say` what people should know.

    What is refused at the first connection ends it; later it is connected again, with growing pauses.
    """

    def __init__(
        self,
        service: RemoteService,
        parameters: dict[str, Any],
        tell: Callable[[list[StreamMessage]], None],
        say: Callable[[str], None],
    ) -> None:
        self._target = f"/usage/live?{urlencode(parameters, doseq=True)}"
        self._requests = Requests(service.url, service.auth, _TIMEOUT_S, {"User-Agent": "footfall tail"})
        self._tell = tell
        self._say = say
        self._reader = MessageReader()
        self._attempts = 0
        self._was_connected = False

    def follow(self) -> None:
        """Follow the stream for ever. Raises ServiceError and Unreachable, and what `tell` raises."""
        while True:
            pause_s = 0.0
            try:
                answer = self._requests.make(self._request())
            except Unreachable as error:
                if not self._was_connected:
                    raise
                trouble = str(error)
            else:
                trouble = "the stream has ended"
                if answer.status != 200:
                    if not self._was_connected or answer.status not in _ANOTHER_TIME:
                        raise error_of(answer)
                    trouble, pause_s = f"it answers {answer.status}", retry_after_s(answer.headers)
            self._attempts += 1
            if self._attempts > 1:  # the first is the ordinary end of a stream that is an hour old
                self._say(f"the stream is broken, trying again: {trouble}")
            time.sleep(_BACKOFF.pause_s(self._attempts, pause_s))

    def begin(self, _status: int) -> None:
        """Take the head of an answer, as a sink does."""
        if self._attempts > 1:
            self._say("the stream goes on")
        self._reader = MessageReader(self._reader.last_id)
        self._was_connected = True

    def write(self, piece: bytes) -> None:
        """Take a piece of the body, as a sink does. Raises BrokenPipeError where nobody reads any more."""
        messages = self._reader.read(piece)
        self._attempts = 0
        if messages:
            self._tell(messages)
        elif is_abandoned():
            raise BrokenPipeError(errno.EPIPE, "nobody reads any more")

    def _request(self) -> Request:
        headers = {"Accept": "text/event-stream"}
        if self._reader.last_id:
            headers["Last-Event-ID"] = self._reader.last_id
        return Request("GET", self._target, headers=headers, sink=self, is_repeatable=False)


def is_abandoned() -> bool:
    """Whether standard output is a pipe whose reader has gone."""
    asked = poll()
    try:
        asked.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # no file of the system
        return False
    return any(event & POLLERR for _, event in asked.poll(0))
