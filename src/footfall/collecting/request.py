"""Reading a request: the few headers that matter, the body within its bounds, and its decompression."""

import asyncio
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import brotli
from msgspec import Struct

from footfall import zstd
from footfall.errors import Code, Problem, RequestRefused
from footfall.quarantine import Sender
from footfall.settings import Settings

Receive = Callable[[], Any]

# Past this a body is decompressed on a thread, for it would hold up the other requests.
INLINE_BYTES_MAX = 64 * 1024


class Disconnected(Exception):
    """The client went away before its request was whole; there is nobody to answer."""


class Headers(Struct, frozen=True):
    """What the hot path wants to know of a request's headers."""

    content_type: str = ""
    encoding: str = ""
    idempotency_key: str = ""
    length: int | None = None
    expects: bool = False


class Unpacker(Protocol):
    def __call__(self, data: bytes, bytes_max: int) -> bytes: ...


class TooLong(Exception):
    """The decompressed body is longer than it may be."""


class Unpackable(Exception):
    """The body is not what its Content-Encoding says."""


def headers(raw: Iterable[tuple[bytes, bytes]], settings: Settings) -> Headers:
    """The headers of one request, checked. Raises RequestRefused."""
    content_type = encoding = key = ""
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
            key = _key(value, settings)
        elif name == b"expect":
            expects = True
    found = Headers(content_type, encoding, key, length, expects)
    if found.content_type not in ("application/json", "text/plain", ""):
        raise _unsupported("content-type", found.content_type, "send application/json or text/plain")
    if found.encoding not in UNPACKERS and found.encoding not in ("", "identity"):
        raise _unsupported("content-encoding", found.encoding, "send gzip, deflate, br, zstd or none")
    if length is not None and length > settings.body_bytes_max:
        raise _too_large(settings)
    return found


def sender(raw: Iterable[tuple[bytes, bytes]], client: tuple[str, int] | None) -> Sender:
    """Who sent a request; asked for only when some of it is to be held."""
    found = {name: value.decode("latin-1") for name, value in raw}
    address = (client or ("",))[0]
    return Sender(address, found.get(b"origin", ""), found.get(b"user-agent", ""))


async def read(receive: Receive, settings: Settings) -> bytes:
    """The body as sent. Raises RequestRefused past its bounds of size and time, Disconnected when the client left."""
    try:
        async with asyncio.timeout(settings.body_timeout_s):
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body: bytes = message.get("body", b"")
                if len(body) > settings.body_bytes_max:
                    raise _too_large(settings)
                return body
            return await _gather(message, receive, settings)
    except TimeoutError as error:
        raise too_slow(settings) from error


def too_slow(settings: Settings) -> RequestRefused:
    """The refusal of a body that does not come."""
    return RequestRefused(Code.REQUEST_TIMED_OUT, f"the body did not arrive within {settings.body_timeout_s} s")


async def unpack(body: bytes, encoding: str, settings: Settings) -> bytes:
    """The body decompressed. Raises RequestRefused when it is broken, or longer than it may be."""
    unpacker = UNPACKERS.get(encoding)
    if unpacker is None:
        return body
    try:
        if len(body) <= INLINE_BYTES_MAX:
            return unpacker(body, settings.body_decoded_bytes_max)
        return await asyncio.to_thread(unpacker, body, settings.body_decoded_bytes_max)
    except TooLong as error:
        text = f"the body is longer than {settings.body_decoded_bytes_max} bytes after decompression"
        problem = Problem(Code.REQUEST_TOO_LARGE, "body", "send fewer events in one request")
        raise RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,)) from error
    except Unpackable as error:
        problem = Problem(Code.REQUEST_INPUT_MALFORMED, "body", f"is not {encoding} data: {error}")
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "the body cannot be decompressed", (problem,)) from error


async def _gather(message: Any, receive: Receive, settings: Settings) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > settings.body_bytes_max:
            raise _too_large(settings)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


def _key(value: bytes, settings: Settings) -> str:
    """An idempotency key. Raises RequestRefused when it is none."""
    key = value.decode("latin-1")
    if 1 <= len(key) <= settings.idempotency_key_chars_max and all("\x20" <= char <= "\x7e" for char in key):
        return key
    why = f"must be 1 to {settings.idempotency_key_chars_max} printable ASCII characters"
    problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "idempotency-key", why)
    raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the idempotency key cannot be read", (problem,))


def _too_large(settings: Settings) -> RequestRefused:
    text = f"the body is longer than {settings.body_bytes_max} bytes"
    problem = Problem(Code.REQUEST_TOO_LARGE, "body", "send fewer events in one request, or compress it")
    return RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,))


def _unsupported(where: str, value: str, advice: str) -> RequestRefused:
    problem = Problem(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, where, f"{value[:100]!r} is not taken here: {advice}")
    return RequestRefused(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, f"unsupported {where}", (problem,))


def _unpack_gzip(data: bytes, bytes_max: int) -> bytes:
    """RFC 1952 allows several members one after the other."""
    out = b""
    while data:
        piece, data = _inflate(data, bytes_max - len(out), zlib.MAX_WBITS | 16)
        out += piece
    return out


def _unpack_deflate(data: bytes, bytes_max: int) -> bytes:
    """RFC 9110 means the zlib format; some clients send raw deflate, which cannot be taken for it."""
    looks_like_zlib = len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return _inflate(data, bytes_max, zlib.MAX_WBITS if looks_like_zlib else -zlib.MAX_WBITS)[0]


def _inflate(data: bytes, bytes_max: int, wbits: int) -> tuple[bytes, bytes]:
    """What one stream holds, and what follows it."""
    stream = zlib.decompressobj(wbits)
    try:
        out = stream.decompress(data, bytes_max + 1)
    except zlib.error as error:
        raise Unpackable(str(error)) from error
    if len(out) > bytes_max:
        raise TooLong
    if not stream.eof:
        raise Unpackable("it ends too early")
    return out, stream.unused_data


def _unpack_brotli(data: bytes, bytes_max: int) -> bytes:
    stream = brotli.Decompressor()
    try:
        out: bytes = stream.process(data, output_buffer_limit=bytes_max + 1)
        while not stream.can_accept_more_data() and len(out) <= bytes_max:
            out += stream.process(b"", output_buffer_limit=bytes_max + 1 - len(out))
    except brotli.error as error:
        raise Unpackable(str(error)) from error
    if len(out) > bytes_max:
        raise TooLong
    if not stream.is_finished():
        raise Unpackable("it ends too early")
    return out


def _unpack_zstd(data: bytes, bytes_max: int) -> bytes:
    """A body may be several frames one after the other."""
    out = b""
    while data:
        stream = zstd.ZstdDecompressor()
        try:
            out += stream.decompress(data, bytes_max + 1 - len(out))
        except zstd.ZstdError as error:
            raise Unpackable(str(error)) from error
        if len(out) > bytes_max:
            raise TooLong
        if not stream.eof:
            raise Unpackable("it ends too early")
        data = stream.unused_data
    return out


UNPACKERS: dict[str, Unpacker] = {
    "gzip": _unpack_gzip,
    "x-gzip": _unpack_gzip,
    "deflate": _unpack_deflate,
    "br": _unpack_brotli,
    "zstd": _unpack_zstd,
}
