"""Where a request of HTTP/1.1 ends and the next begins (RFC 9112).

httptools parses heads, and is never given a byte past the end of one. The length of a body is decided here alone, also
for a request that asks for an upgrade: two opinions of it would let a client smuggle a request.
"""

import re
from time import monotonic
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from msgspec import Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings

# Names in lower case, as the parser gives them.
RawHeaders = list[tuple[bytes, bytes]]

_END: Final = b"\r\n\r\n"
# A length has at most 15 digits: more than any body needs, and fewer than 64 bits hold.
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")
# RFC 9112, 7.1: a size and extensions, which are ignored.
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
# Bytes of the line before a chunk. Extensions are rare, and never long.
CHUNK_LINE_BYTES_MAX: Final = 4096


class RequestHead(Struct, frozen=True):
    """The head of a request. `length` is that of the body in bytes, None for a body in chunks."""

    method: bytes
    target: bytes
    version: str
    headers: RawHeaders
    keep_alive: bool
    length: int | None


class HeadReader:
    """Reads one head after the other. A head may come in any number of pieces."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parser: HttpRequestParser | None = None
        # Whether the next request is the connection's last, whatever its head says.
        self.is_last = False
        self._forget()

    @property
    def has_begun(self) -> bool:
        """Whether a part of a head has been read."""
        return self._head_bytes > 0

    def feed(self, data: bytes, at: int) -> tuple[RequestHead | None, int]:
        """The head once it is whole, and the offset in the data behind its last byte.

        Raises RequestRefused for a malformed or too large head; nothing more of the connection can be read then.
        """
        if not self._head_bytes and data[at] in _END:
            # RFC 9112, 2.2: empty lines before a request are ignored.
            left = data[at:].lstrip(b"\r\n")
            return None, len(data) - len(left)
        end, is_whole = self._find_end(data, at)
        self._head_bytes += end - at
        if self._head_bytes > self._settings.head_bytes_max:
            raise _head_too_large(f"the head of the request is longer than {self._settings.head_bytes_max} bytes")
        self._parse(data[at:end])
        if not is_whole:
            if self._is_complete:
                raise malformed("the head of the request ends in a way of its own")
            return None, end
        return self._finish(), end

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._heads_begun += 1

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))
        if len(self._headers) > self._settings.head_fields_max:
            raise _head_too_large(f"the request has more than {self._settings.head_fields_max} headers")

    def on_headers_complete(self) -> None:
        self._is_complete = True
        self._keep_alive = self._parser is not None and self._parser.should_keep_alive()

    def on_body(self, _body: bytes) -> None:
        raise malformed("the head of the request ends in a way of its own")

    # The steps of a head.

    def _forget(self) -> None:
        self._head_bytes = 0
        self._tail = b""
        self._heads_begun = 0
        self._target = b""
        self._headers: RawHeaders = []
        self._is_complete = False
        self._keep_alive = False

    def _find_end(self, data: bytes, at: int) -> tuple[int, bool]:
        """The offset behind the piece of the head, and whether the head ends there.

        The four bytes of the end may be spread over several pieces: `_tail` has the last three of those before.
        """
        tail = self._tail
        found = (tail + data[at : at + 3]).find(_END) if tail else -1
        if found >= 0:
            return at + found + 4 - len(tail), True
        found = data.find(_END, at)
        if found >= 0:
            return found + 4, True
        self._tail = (tail + data[max(at, len(data) - 3) :])[-3:]
        return len(data), False

    def _parse(self, piece: bytes) -> None:
        if self._parser is None:
            self._parser = HttpRequestParser(self)
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            pass  # Only the head was read. The request is served as it is: RFC 9110, 7.8 allows that.
        except HttpParserError as error:
            cause = error.__context__
            raise cause if isinstance(cause, RequestRefused) else malformed(str(error)) from error

    def _finish(self) -> RequestHead:
        parser = self._parser
        if parser is None or not self._is_complete or self._heads_begun != 1:
            raise malformed("the head of the request ends in a way of its own")
        version = parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise malformed(f"HTTP/{version} is not spoken here, HTTP/1.1 is")
        length = _body_length(self._headers, version)
        keep_alive = self._keep_alive and version == "1.1" and not self.is_last
        head = RequestHead(parser.get_method(), self._target, version, self._headers, keep_alive, length)
        if length != 0 or parser.should_upgrade():
            # This parser waits for a body, which it is never given.
            self._parser = None
        self._forget()
        return head


class Chunks:
    """Decodes a body in chunks, which may come in any number of pieces. `is_whole` once the end has come."""

    def __init__(self, settings: Settings) -> None:
        # The lines between chunks may be as long as a body, and no longer.
        self._overhead_left = settings.body_bytes_max
        self._trailers_left = settings.head_bytes_max
        self._line_so_far = b""
        self._left = 0
        self._on_line = self._on_size
        self.is_whole = False

    def feed(self, data: bytes, at: int) -> tuple[bytes, int]:
        """The part of the body in the data, and the offset behind it. Raises RequestRefused for malformed chunks."""
        out = bytearray()
        while at < len(data) and not self.is_whole:
            if self._left:
                piece = data[at : at + self._left]
                out += piece
                at += len(piece)
                self._left -= len(piece)
            else:
                at = self._read_line(data, at)
        return bytes(out), at

    def _read_line(self, data: bytes, at: int) -> int:
        found = data.find(b"\n", at, at + CHUNK_LINE_BYTES_MAX)
        end = found + 1 if found >= 0 else min(len(data), at + CHUNK_LINE_BYTES_MAX)
        self._line_so_far += data[at:end]
        self._overhead_left -= end - at
        if len(self._line_so_far) > CHUNK_LINE_BYTES_MAX or self._overhead_left < 0:
            raise malformed("the lines between the chunks of the body are too long")
        if found >= 0:
            line, self._line_so_far = self._line_so_far, b""
            if not line.endswith(b"\r\n"):
                raise malformed("a line between the chunks of the body does not end in CR LF")
            self._on_line(line[:-2])
        return end

    def _on_size(self, line: bytes) -> None:
        found = _CHUNK_SIZE.fullmatch(line)
        if found is None:
            raise malformed("a chunk of the body begins without its size")
        self._left = int(found[1], 16)
        self._on_line = self._on_end if self._left else self._on_trailer

    def _on_end(self, line: bytes) -> None:
        if line:
            raise malformed("a chunk of the body is longer than its size")
        self._on_line = self._on_size

    def _on_trailer(self, line: bytes) -> None:
        """Trailers are ignored, as RFC 9110, 6.5.1 allows."""
        if not line:
            self.is_whole = True
            return
        self._trailers_left -= len(line) + len(b"\r\n")
        if self._trailers_left < 0:
            raise _head_too_large("the trailers of the request are too long")
        if _TRAILER.fullmatch(line) is None:
            raise malformed("a trailer of the request cannot be read")


class Body:
    """Takes the body of one request out of what comes, by its length, or by its chunks when `length` is None.

    `came_s` is when a piece came that was not the last, in seconds of the monotonic clock; 0 before the first.
    """

    def __init__(self, length: int | None, settings: Settings) -> None:
        self.came_s = 0.0
        self._left = length or 0
        self._chunks = Chunks(settings) if length is None else None

    @property
    def is_missing(self) -> bool:
        """Whether more of it is to come."""
        return self._left > 0 if self._chunks is None else not self._chunks.is_whole

    @property
    def is_chunked(self) -> bool:
        """Whether it comes in chunks."""
        return self._chunks is not None

    def is_missing_more_than(self, bytes_max: int) -> bool:
        """Whether more than so many bytes are to come. True for chunks until their end, which are of unknown length."""
        return self._left > bytes_max if self._chunks is None else not self._chunks.is_whole

    def feed(self, data: bytes, at: int) -> tuple[bytes, int]:
        """The part of the body in the data, and the offset behind it. Raises RequestRefused for malformed chunks."""
        if self._chunks is not None:
            self.came_s = monotonic()
            return self._chunks.feed(data, at)
        piece = data[at : at + self._left]
        self._left -= len(piece)
        if self._left:
            self.came_s = monotonic()
        return piece, at + len(piece)


def malformed(why: str) -> RequestRefused:
    """The refusal of a request that is not HTTP/1.1."""
    problem = Problem(Code.REQUEST_INPUT_MALFORMED, "request", why)
    return RequestRefused(Code.REQUEST_INPUT_MALFORMED, "the request is not HTTP/1.1", (problem,))


def _head_too_large(text: str) -> RequestRefused:
    return RequestRefused(Code.REQUEST_HEAD_TOO_LARGE, text)


def _body_length(headers: RawHeaders, version: str) -> int | None:
    """The length of the body in bytes, None when it comes in chunks. Raises RequestRefused (RFC 9112, 3.2 and 6)."""
    lengths, codings, hosts = [], [], 0
    for name, value in headers:
        if name == b"content-length":
            lengths.append(value.strip(b" \t"))
        elif name == b"transfer-encoding":
            codings.append(value.strip(b" \t").lower())
        elif name == b"host":
            hosts += 1
    if hosts > 1 or (not hosts and version == "1.1"):
        raise malformed(f"HTTP/1.1 wants one Host header, and this request has {hosts or 'none'}")
    if codings:
        if codings != [b"chunked"] or version != "1.1" or lengths:
            raise malformed("Transfer-Encoding must be chunked alone, in HTTP/1.1, and without Content-Length")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise malformed("Content-Length must be one number")
    return int(lengths[0])
