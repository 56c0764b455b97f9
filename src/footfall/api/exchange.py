"""A request under way: one that is served at the connection, or one that the application serves."""

import asyncio
import logging
import urllib.parse
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.protocols.utils import get_local_addr

from footfall.api.flow import Flow
from footfall.api.framing import Body, Headings, RequestHead, malformed
from footfall.api.heads import Head
from footfall.collecting import Budget, sender
from footfall.quarantine import Sender

LOG = logging.getLogger("uvicorn.error")

# Address and port.
Client = tuple[str, int] | None
# The most of a body that is read for nothing, to keep the connection of a request that was answered without it.
PASSED_OVER_BYTES_MAX: Final = 64 * 1024


class Holding:
    """What a request takes up of the budget of bytes in flight, until its body is dealt with.

    What came is counted, not what is announced: nobody can spend the budget without sending as much.
    """

    held_bytes = 0

    def grow(self, budget: Budget, more_bytes: int) -> None:
        """Take up more, for a piece of the body that came. Raises RequestRefused when the budget is spent."""
        budget.admit(self.held_bytes + more_bytes)
        self.held_bytes += more_bytes
        budget.held_bytes += more_bytes

    def give_back(self, budget: Budget) -> None:
        """Take up nothing any more."""
        budget.held_bytes -= self.held_bytes
        self.held_bytes = 0


class PlainExchange(Holding):
    """A request that is served here."""

    response_complete = False

    def __init__(self, head: Head, client: Client) -> None:
        self.head = head
        self.keep_alive = head.keep_alive
        self.body = bytearray()
        self._client = client

    def sender(self) -> Sender:
        """Who sent it."""
        return sender(self.head.headings, self._client)


class Exchange(Holding, RequestResponseCycle):
    """A request that the application serves.

    One that it answers before its body has come ends the connection, unless little of the body is missing.
    """

    def __init__(
        self,
        found: RequestHead,
        incoming: Body,
        scope: Any,
        transport: "ExchangeTransport",
        flow: Flow,
        default_headers: Headings,
        on_response: Callable[[], None],
    ) -> None:
        super().__init__(
            scope=scope,
            transport=cast("asyncio.Transport", transport),
            flow=flow,
            logger=LOG,
            access_logger=LOG,
            access_log=False,
            default_headers=default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=any(
                name == b"expect" and value.lower() == b"100-continue" for name, value in found.headings
            ),
            keep_alive=found.keep_alive,
            on_response=on_response,
        )
        self.incoming = incoming
        if not incoming.is_missing:
            self.more_body = False
            self.message_event.set()

    async def send(self, message: Any) -> None:
        if self.more_body and not self.response_started and self.incoming.is_missing_more_than(PASSED_OVER_BYTES_MAX):
            self.keep_alive = False
        await super().send(message)


class ExchangeTransport:
    """What a cycle takes for its transport, so that the connection decides how it ends."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


def make_scope(
    found: RequestHead, transport: asyncio.Transport, client: Client, root_path: str, state: dict[str, Any]
) -> Any:
    """What an application is told of a request. Raises RequestRefused when its target is no path."""
    try:
        parsed = httptools.parse_url(found.target)
        raw_path = parsed.path or b"/"
        path = urllib.parse.unquote(raw_path.decode("ascii"))
    except (httptools.HttpParserInvalidURLError, UnicodeDecodeError) as error:
        raise malformed("the target of the request is no path") from error
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": found.version,
        "server": get_local_addr(transport),
        "client": client,
        "scheme": "http",
        "method": found.method.decode("ascii"),
        "root_path": root_path,
        "path": root_path + path,
        "raw_path": root_path.encode("ascii") + raw_path,
        "query_string": parsed.query or b"",
        "headers": found.headings,
        "state": state.copy(),
    }
