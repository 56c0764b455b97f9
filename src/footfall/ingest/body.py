"""A request as a server brings it: the headers that the pipeline needs, the body within its bounds, the way back."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.ingest.decompression import UNPACKERS
from footfall.ingest.refusals import too_large, too_slow, unsupported
from footfall.ingest.sender_rules import SenderFacts
from footfall.plan import RegexBudget
from footfall.settings import Settings
from footfall.wire import Sender

Receive = Callable[[], Any]


class ClientDisconnected(Exception):
    """The client closed the connection before its request was complete; nobody waits for an answer."""


class Headers(Struct, frozen=True):
    """The headers that the pipeline needs; `expects` says that the client waits for `100 Continue`.

    `forwarded` has all values of `X-Forwarded-For`, with commas; only those of trusted proxies mean anything. `sender`
    is there when customers ask something of their senders.
    """

    content_type: str = ""
    encoding: str = ""
    idempotency_key: str = ""
    length: int | None = None
    expects: bool = False
    forwarded: bytes = b""
    sender: SenderFacts | None = None


def read_headers(raw: Iterable[tuple[bytes, bytes]], settings: Settings) -> Headers:
    """The headers of one request, checked. Raises RequestRefused."""
    content_type = encoding = key = ""
    forwarded = b""
    length: int | None = None
    expects = False
    for name, value in raw:
        if name == b"content-type":
            content_type = value.decode("latin-1").partition(";")[0].strip().lower()
        elif name == b"content-encoding":
            encoding = value.decode("latin-1").strip().lower()
        elif name == b"content-length":
            length = int(value)
        elif name == b"idempotency-key":
            key = decode_idempotency_key(value, settings)
        elif name == b"expect":
            expects = True
        elif name == b"x-forwarded-for":
            forwarded = b"%b,%b" % (forwarded, value) if forwarded else value
    found = Headers(content_type, encoding, key, length, expects, forwarded)
    _check_headers(found, settings)
    return found


def _check_headers(found: Headers, settings: Settings) -> None:
    """Raises RequestRefused for what no body can be read of."""
    if found.content_type not in ("application/json", "text/plain", ""):
        raise unsupported("content-type", found.content_type, "send application/json or text/plain")
    if found.encoding not in UNPACKERS and found.encoding not in ("", "identity"):
        raise unsupported("content-encoding", found.encoding, "send gzip, deflate, br, zstd or none")
    if found.length is not None and found.length > settings.body_bytes_max:
        raise too_large(settings)


def sender_of(raw: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> Sender:
    """The sender of a request, for events that are held in quarantine."""
    found = {name: value.decode("latin-1") for name, value in raw}
    address = (client or ("",))[0]
    return Sender(address, found.get(b"origin", ""), found.get(b"user-agent", ""))


async def read_body(receive: Receive, settings: Settings) -> bytes:
    """The body as sent. Raises RequestRefused past its bounds, ClientDisconnected when the client left."""
    try:
        async with asyncio.timeout(settings.body_timeout_s):
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body: bytes = message.get("body", b"")
                if len(body) > settings.body_bytes_max:
                    raise too_large(settings)
                return body
            return await _read_chunks(message, receive, settings)
    except TimeoutError as error:
        raise too_slow(settings) from error


async def send_answer(send: Any, status: int, headers: list[tuple[bytes, bytes]], content: bytes) -> None:
    """Send an answer as ASGI has it."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def watch_client(receive: Receive, budget: RegexBudget) -> None:
    """Cut the budget of a body that came whole when its client leaves."""
    if (await receive())["type"] == "http.disconnect":
        budget.client_left()


async def _read_chunks(message: Any, receive: Receive, settings: Settings) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > settings.body_bytes_max:
            raise too_large(settings)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


def decode_idempotency_key(value: bytes, settings: Settings) -> str:
    """Decode an idempotency key. Raises RequestRefused when it is invalid."""
    key = value.decode("latin-1")
    if 1 <= len(key) <= settings.idempotency_key_chars_max and all("\x20" <= char <= "\x7e" for char in key):
        return key
    why = f"must be 1 to {settings.idempotency_key_chars_max} printable ASCII characters"
    problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "idempotency-key", why)
    raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the idempotency key cannot be read", (problem,))
