"""The call behind a report's link: its file, whole or in parts, so that a broken download resumes."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any, NamedTuple

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send

from footfall import errors
from footfall.errors import Code, RequestRefused
from footfall.reports import Download, disposition
from footfall.web.dependencies import Services
from footfall.web.dispatcher import BODYLESS

# Which bytes of a file a request asks for, and whether it has them already (RFC 9110, sections 13 and 14).


_SPEC = re.compile(r"bytes[ \t]*=[ \t]*(?P<first>[0-9]*)[ \t]*-[ \t]*(?P<last>[0-9]*)[ \t]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')
# Longer numbers are past the end of any file, and reading them would only cost time.
_DIGITS_MAX = 18


class ByteRange(NamedTuple):
    """A part of the file: `start` is its first byte, `end` the one after its last."""

    start: int
    end: int


class RangeUnsatisfiable(NamedTuple):
    """None of the bytes that were asked for exist."""


def select_range(spec: str | None, size: int) -> ByteRange | RangeUnsatisfiable | None:
    """The single range that the `Range` header asks for; None is the whole file.

    A header that cannot be read, another unit, and several ranges at once are answered with the whole file, as the
    standard allows.
    """
    found = _SPEC.fullmatch(spec.strip()) if spec is not None else None
    if found is None:
        return None
    first, last = found["first"], found["last"]
    if first:
        return _between(_number(first), _number(last) if last else None, size)
    return _suffix(_number(last), size) if last else None


def _between(first: int, last: int | None, size: int) -> ByteRange | RangeUnsatisfiable | None:
    if last is not None and last < first:
        return None
    if first >= size:
        return RangeUnsatisfiable()
    return ByteRange(first, size if last is None else min(last + 1, size))


def _suffix(length: int, size: int) -> ByteRange | RangeUnsatisfiable | None:
    if length == 0:
        return RangeUnsatisfiable()
    return ByteRange(max(size - length, 0), size) if size else None


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= _DIGITS_MAX else 10**_DIGITS_MAX


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this very content already; tags compare weakly."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)


def range_applies(if_range: str | None, etag: str) -> bool:
    """Whether a range may be served: the client's part, if it has one, is of this content. Tags compare strongly."""
    return if_range is None or if_range.strip() == etag


# The call behind a report's link: its file, whole or in parts, so that a broken download resumes.


class _Streamed(ASGIStreamingResponse):
    """A part of a file, which is closed at once whatever becomes of its client, and not when memory is collected."""

    def __init__(self, blocks: AsyncGenerator[bytes], status: int, headers: dict[str, str]) -> None:
        super().__init__(iterator=blocks, status_code=status, headers=headers)
        self._blocks = blocks

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send the blocks, until the client is gone."""
        async with aclosing(self._blocks):
            await super().send_body(send, receive)


async def download_report(
    request: Request[Any, Any, Any],
    rooms: NamedDependency[Services],
    source: Annotated[str, PathParameter(description="The report's `source`.")],
    token: Annotated[str, PathParameter(description="The time at which the link ends, and its signature.")],
    name: Annotated[str, PathParameter(description="The file's name.")],
) -> ASGIResponse:
    file = await rooms.reports.download(source, token, name)
    headers = {
        "etag": file.etag,
        "cache-control": "private",
        "accept-ranges": "bytes",
    }
    asked = request.headers
    if is_unchanged(asked.get("if-none-match"), file.etag):
        return ASGIResponse(status_code=304, headers=headers)
    bodyless = BODYLESS in request.scope
    if file.location is not None and not bodyless:
        # The store takes up the range itself. Nobody may keep the redirect: what it leads to ends sooner than the link.
        headers = {"location": file.location, "cache-control": "no-store"}
        return ASGIResponse(status_code=307, headers=headers, media_type="text/plain")
    partial = not bodyless and range_applies(asked.get("if-range"), file.etag)
    match select_range(asked.get("range") if partial else None, file.size):
        case RangeUnsatisfiable():
            return _unsatisfiable(file.size)
        case ByteRange(start, end):
            headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
            return _send(file, start, end, 206, headers)
        case _:
            return _send(file, 0, file.size, 200, headers, bodyless)


def _send(
    file: Download, start: int, end: int, status: int, headers: Mapping[str, str], bodyless: bool = False
) -> ASGIResponse:
    """The file's bytes from `start` up to but without `end`, as they come from where they are kept."""
    named = {
        **headers,
        "content-type": file.media_type,
        "content-length": str(end - start),
        "content-disposition": disposition(file.file_name),
    }
    if bodyless:
        return ASGIResponse(status_code=status, headers=named)
    return _Streamed(file.stream(start, end), status, named)


def _unsatisfiable(size: int) -> ASGIResponse:
    refused = RequestRefused(Code.REQUEST_RANGE_NOT_SATISFIABLE, f"the file has {size} bytes")
    headers = {"content-range": f"bytes */{size}"}
    return ASGIResponse(status_code=errors.STATUS[refused.code], headers=headers, body=errors.refusal_body(refused))
