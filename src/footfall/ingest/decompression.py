"""Decompression of a body in one pass, within bounds on what comes out and on the streams that it is made of."""

import re
import zlib
from typing import Protocol, cast

import brotli
from msgspec import Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.system import zstd

# Bytes that a decompressor is given at once: what lies behind the end of a stream is copied each time, so that a body
# of many streams would cost its square otherwise.
_PIECE_BYTES = 16 * 1024
_ZEROS = re.compile(rb"\0*+")


class TooLong(Exception):
    """The decompressed body is longer than it may be."""


class _TooMany(Exception):
    """The body is made of more streams than it may be."""


class _Unpackable(Exception):
    """The body is not what its Content-Encoding says."""


class _Bounds(Struct, frozen=True):
    bytes_max: int
    members_max: int


class _Unpacker(Protocol):
    def __call__(self, data: memoryview, bounds: _Bounds) -> bytes: ...


class _Output:
    """What has come out so far. Raises TooLong past its bound."""

    def __init__(self, bytes_max: int) -> None:
        self._pieces: list[bytes] = []
        self._room = bytes_max

    @property
    def ask(self) -> int:
        """Bytes to ask for: one more than there is room for, to see that there is more."""
        return self._room + 1

    def add(self, piece: bytes) -> None:
        self._room -= len(piece)
        if self._room < 0:
            raise TooLong
        self._pieces.append(piece)

    def whole(self) -> bytes:
        return b"".join(self._pieces)


class _Stream(Protocol):
    """What zlib and zstd have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: memoryview, length_max: int, /) -> bytes: ...


def unpack(body: bytes, encoding: str, settings: Settings) -> bytes:
    """The body decompressed. Raises RequestRefused when it is broken, or more than it may be."""
    try:
        return unpack_within(body, encoding, settings.body_decoded_bytes_max, settings)
    except TooLong as error:
        text = f"the body is longer than {settings.body_decoded_bytes_max} bytes after decompression"
        problem = Problem(Code.REQUEST_TOO_LARGE, "body", "send fewer events in one request")
        raise RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,)) from error


def unpack_within(body: bytes, encoding: str, bytes_max: int, settings: Settings) -> bytes:
    """The body decompressed, when that is no longer than so many bytes. Raises TooLong and RequestRefused."""
    unpacker = UNPACKERS.get(encoding)
    try:
        if unpacker is not None:
            return unpacker(memoryview(body), _Bounds(bytes_max, settings.body_members_max))
    except _TooMany as error:
        text = f"the body is made of more than {settings.body_members_max} compressed streams"
        problem = Problem(Code.REQUEST_TOO_LARGE, "body", "compress it as a whole")
        raise RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,)) from error
    except (_Unpackable, zlib.error, zstd.ZstdError, brotli.error) as error:
        problem = Problem(Code.REQUEST_INPUT_MALFORMED, "body", f"is not {encoding} data: {error}")
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "the body cannot be decompressed", (problem,)) from error
    if len(body) > bytes_max:
        raise TooLong
    return body


def _unpack_gzip(data: memoryview, bounds: _Bounds) -> bytes:
    """RFC 1952 allows several members one after the other; tools that write blocks fill up the last one with zeros."""
    out, at = _Output(bounds.bytes_max), 0
    for _ in range(bounds.members_max):
        at = _inflate(zlib.decompressobj(zlib.MAX_WBITS | 16), data, at, out)
        at = cast("re.Match[bytes]", _ZEROS.match(data, at)).end()
        if at == len(data):
            return out.whole()
    raise _TooMany


def _unpack_deflate(data: memoryview, bounds: _Bounds) -> bytes:
    """RFC 9110 means the zlib format; some clients send raw deflate, which cannot be taken for it."""
    looks_like_zlib = len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    out = _Output(bounds.bytes_max)
    stream = zlib.decompressobj(zlib.MAX_WBITS if looks_like_zlib else -zlib.MAX_WBITS)
    _require_end(_inflate(stream, data, 0, out), data)
    return out.whole()


def _unpack_zstd(data: memoryview, bounds: _Bounds) -> bytes:
    """A body may be several frames one after the other."""
    out, at = _Output(bounds.bytes_max), 0
    for _ in range(bounds.members_max):
        at = _inflate(zstd.ZstdDecompressor(), data, at, out)
        if at == len(data):
            return out.whole()
    raise _TooMany


def _inflate(stream: _Stream, data: memoryview, at: int, out: _Output) -> int:
    """Unpack the stream that begins at `at`; where the data goes on behind it."""
    while not stream.eof:
        piece = data[at : at + _PIECE_BYTES]
        if not piece:
            raise _Unpackable("it ends too early")
        out.add(stream.decompress(piece, out.ask))
        at += len(piece) - len(stream.unused_data)
    return at


def _unpack_brotli(data: memoryview, bounds: _Bounds) -> bytes:
    """The decompressor does not tell where its stream ends: it must not have ended before the last byte."""
    out, stream, last = _Output(bounds.bytes_max), brotli.Decompressor(), len(data) - 1
    for start in (*range(0, last, _PIECE_BYTES), last):
        piece = data[start : min(start + _PIECE_BYTES, last) if start < last else None]
        out.add(stream.process(piece, output_buffer_limit=out.ask))
        while not stream.can_accept_more_data():
            out.add(stream.process(b"", output_buffer_limit=out.ask))
        if stream.is_finished():
            _require_end(start + len(piece), data)
            return out.whole()
    raise _Unpackable("it ends too early")


def _require_end(at: int, data: memoryview) -> None:
    if at < len(data):
        raise _Unpackable("other bytes follow its end")


UNPACKERS: dict[str, _Unpacker] = {
    "gzip": _unpack_gzip,
    "x-gzip": _unpack_gzip,
    "deflate": _unpack_deflate,
    "br": _unpack_brotli,
    "zstd": _unpack_zstd,
}
