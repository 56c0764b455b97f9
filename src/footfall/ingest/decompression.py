"""Decompresses a body in one pass, within bounds on the length of the result and on the number of its streams."""

import re
import zlib
from typing import Protocol, cast

import brotli
from msgspec import Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.system import zstd

# Bytes that a decompressor gets at once. It copies the bytes after the end of its stream, so that without pieces the
# time would grow with the square of the number of streams.
_PIECE_BYTES = 16 * 1024
_ZEROS = re.compile(rb"\0*+")


class BodyTooLong(Exception):
    """The decompressed body is longer than it may be."""


class _TooManyStreams(Exception):
    """The body has more compressed streams than it may have."""


class _Malformed(Exception):
    """The body is not in the format of its Content-Encoding."""


class _Bounds(Struct, frozen=True):
    bytes_max: int
    members_max: int


class _Unpacker(Protocol):
    def __call__(self, data: memoryview, bounds: _Bounds) -> bytes: ...


class _Output:
    """The decompressed bytes so far. Raises BodyTooLong past its bound."""

    def __init__(self, bytes_max: int) -> None:
        self._pieces: list[bytes] = []
        self._room = bytes_max

    @property
    def next_bytes_max(self) -> int:
        """The most bytes to decompress next: one more than may come, to notice that there are more."""
        return self._room + 1

    def add(self, piece: bytes) -> None:
        self._room -= len(piece)
        if self._room < 0:
            raise BodyTooLong
        self._pieces.append(piece)

    def whole(self) -> bytes:
        return b"".join(self._pieces)


class _Stream(Protocol):
    """The common interface of the decompressors of zlib and zstd."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: memoryview, length_max: int, /) -> bytes: ...


def unpack(body: bytes, encoding: str, settings: Settings) -> bytes:
    """Decompress a body. Raises RequestRefused when it is malformed or too long."""
    try:
        return unpack_within(body, encoding, settings.body_decoded_bytes_max, settings)
    except BodyTooLong as error:
        text = f"the body is longer than {settings.body_decoded_bytes_max} bytes after decompression"
        problem = Problem(Code.REQUEST_TOO_LARGE, "body", "send fewer events in one request")
        raise RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,)) from error


def unpack_within(body: bytes, encoding: str, bytes_max: int, settings: Settings) -> bytes:
    """Decompress a body. Raises BodyTooLong past `bytes_max`, and RequestRefused when it is malformed."""
    unpacker = UNPACKERS.get(encoding)
    try:
        if unpacker is not None:
            return unpacker(memoryview(body), _Bounds(bytes_max, settings.body_members_max))
    except _TooManyStreams as error:
        text = f"the body is made of more than {settings.body_members_max} compressed streams"
        problem = Problem(Code.REQUEST_TOO_LARGE, "body", "compress it as a whole")
        raise RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,)) from error
    except (_Malformed, zlib.error, zstd.ZstdError, brotli.error) as error:
        problem = Problem(Code.REQUEST_INPUT_MALFORMED, "body", f"is not {encoding} data: {error}")
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "the body cannot be decompressed", (problem,)) from error
    if len(body) > bytes_max:
        raise BodyTooLong
    return body


def _unpack_gzip(data: memoryview, bounds: _Bounds) -> bytes:
    """RFC 1952 allows several members, one after the other. Tools that write in blocks append zeros to the last."""
    out, at = _Output(bounds.bytes_max), 0
    for _ in range(bounds.members_max):
        at = _inflate(zlib.decompressobj(zlib.MAX_WBITS | 16), data, at, out)
        at = cast("re.Match[bytes]", _ZEROS.match(data, at)).end()
        if at == len(data):
            return out.whole()
    raise _TooManyStreams


def _unpack_deflate(data: memoryview, bounds: _Bounds) -> bytes:
    """RFC 9110 defines deflate as the zlib format. Some clients send raw deflate, which never starts like zlib."""
    looks_like_zlib = len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    out = _Output(bounds.bytes_max)
    stream = zlib.decompressobj(zlib.MAX_WBITS if looks_like_zlib else -zlib.MAX_WBITS)
    _require_end(_inflate(stream, data, 0, out), data)
    return out.whole()


def _unpack_zstd(data: memoryview, bounds: _Bounds) -> bytes:
    """A body may have several frames, one after the other."""
    out, at = _Output(bounds.bytes_max), 0
    for _ in range(bounds.members_max):
        at = _inflate(zstd.ZstdDecompressor(), data, at, out)
        if at == len(data):
            return out.whole()
    raise _TooManyStreams


def _inflate(stream: _Stream, data: memoryview, at: int, out: _Output) -> int:
    """Decompress the stream that begins at `at`; returns the position after its end."""
    while not stream.eof:
        piece = data[at : at + _PIECE_BYTES]
        if not piece:
            raise _Malformed("it ends too early")
        out.add(stream.decompress(piece, out.next_bytes_max))
        at += len(piece) - len(stream.unused_data)
    return at


def _unpack_brotli(data: memoryview, bounds: _Bounds) -> bytes:
    """The decompressor does not report where its stream ends, so the last byte is passed by itself."""
    out, stream, last = _Output(bounds.bytes_max), brotli.Decompressor(), len(data) - 1
    for start in (*range(0, last, _PIECE_BYTES), last):
        piece = data[start : min(start + _PIECE_BYTES, last) if start < last else None]
        out.add(stream.process(piece, output_buffer_limit=out.next_bytes_max))
        while not stream.can_accept_more_data():
            out.add(stream.process(b"", output_buffer_limit=out.next_bytes_max))
        if stream.is_finished():
            _require_end(start + len(piece), data)
            return out.whole()
    raise _Malformed("it ends too early")


def _require_end(at: int, data: memoryview) -> None:
    if at < len(data):
        raise _Malformed("other bytes follow its end")


UNPACKERS: dict[str, _Unpacker] = {
    "gzip": _unpack_gzip,
    "x-gzip": _unpack_gzip,
    "deflate": _unpack_deflate,
    "br": _unpack_brotli,
    "zstd": _unpack_zstd,
}
