"""The call behind a report's link: the report's file, whole or one range of it, so that a broken download resumes.

`select_range`, `is_unchanged` and `range_applies` read the request's headers (RFC 9110, sections 13 and 14).
"""

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
from footfall.reports import Download, content_disposition
from footfall.web.dependencies import Services
from footfall.web.dispatcher import IS_HEAD

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*(?P<first>[0-9]*)[ \t]*-[ \t]*(?P<last>[0-9]*)[ \t]*", re.IGNORECASE)
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')
# A longer number is past the end of any file, and Python takes quadratic time to read it.
_DIGITS_MAX = 18


class ByteRange(NamedTuple):
    """A range of the file: `start` is its first byte, `end` the byte after its last."""

    start: int
    end: int


class RangeUnsatisfiable(NamedTuple):
    """The file has none of the bytes that the request asks for."""


def select_range(spec: str | None, size: int) -> ByteRange | RangeUnsatisfiable | None:
    """The single range that the `Range` header asks for; None means the whole file.

    A malformed header, a unit other than bytes, and several ranges at once mean the whole file, as the standard allows.
    """
    found = _RANGE.fullmatch(spec.strip()) if spec is not None else None
    if found is None:
        return None
    first, last = found["first"], found["last"]
    if first:
        return _from_to(_parse_number(first), _parse_number(last) if last else None, size)
    return _last_bytes(_parse_number(last), size) if last else None


def _from_to(first: int, last: int | None, size: int) -> ByteRange | RangeUnsatisfiable | None:
    if last is not None and last < first:
        return None
    if first >= size:
        return RangeUnsatisfiable()
    return ByteRange(first, size if last is None else min(last + 1, size))


def _last_bytes(length: int, size: int) -> ByteRange | RangeUnsatisfiable | None:
    if length == 0:
        return RangeUnsatisfiable()
    return ByteRange(max(size - length, 0), size) if size else None


def _parse_number(digits: str) -> int:
    return int(digits) if len(digits) <= _DIGITS_MAX else 10**_DIGITS_MAX


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether the client already has this content. Tags are compared weakly."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _ENTITY_TAG.findall(if_none_match)


def range_applies(if_range: str | None, etag: str) -> bool:
    """Whether a range may be served: the part that the client has is of this content. Tags are compared strongly."""
    return if_range is None or if_range.strip() == etag


class _FileResponse(ASGIStreamingResponse):
    """Streams a part of a file, and closes the file as soon as the client is served or gone."""

    def __init__(self, blocks: AsyncGenerator[bytes], status: int, headers: dict[str, str]) -> None:
        super().__init__(iterator=blocks, status_code=status, headers=headers)
        self._blocks = blocks

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send the blocks until the client is gone."""
        async with aclosing(self._blocks):
            await super().send_body(send, receive)


async def download_report(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    source: Annotated[str, PathParameter(description="The report's `source`.")],
    token: Annotated[str, PathParameter(description="The time at which the link ends, and its signature.")],
    name: Annotated[str, PathParameter(description="The file's name.")],
) -> ASGIResponse:
    file = await services.reports.download(source, token, name)
    headers = {
        "etag": file.etag,
        "cache-control": "private",
        "accept-ranges": "bytes",
    }
    given = request.headers
    if is_unchanged(given.get("if-none-match"), file.etag):
        return ASGIResponse(status_code=304, headers=headers)
    is_head = IS_HEAD in request.scope
    if file.location is not None and not is_head:
        # The object store serves the range. No cache may keep the redirect: its target expires sooner than the link.
        headers = {"location": file.location, "cache-control": "no-store"}
        return ASGIResponse(status_code=307, headers=headers, media_type="text/plain")
    partial = not is_head and range_applies(given.get("if-range"), file.etag)
    match select_range(given.get("range") if partial else None, file.size):
        case RangeUnsatisfiable():
            return _unsatisfiable(file.size)
        case ByteRange(start, end):
            headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
            return _respond(file, start, end, 206, headers)
        case _:
            return _respond(file, 0, file.size, 200, headers, is_head)


def _respond(
    file: Download, start: int, end: int, status: int, headers: Mapping[str, str], is_head: bool = False
) -> ASGIResponse:
    """Answer with the file's bytes from `start` up to but without `end`."""
    headers = {
        **headers,
        "content-type": file.media_type,
        "content-length": str(end - start),
        "content-disposition": content_disposition(file.file_name),
    }
    if is_head:
        return ASGIResponse(status_code=status, headers=headers)
    return _FileResponse(file.stream(start, end), status, headers)


def _unsatisfiable(size: int) -> ASGIResponse:
    refused = RequestRefused(Code.REQUEST_RANGE_NOT_SATISFIABLE, f"the file has {size} bytes")
    headers = {"content-range": f"bytes */{size}"}
    return ASGIResponse(
        status_code=errors.STATUS[refused.code], headers=headers, body=errors.refusal_body(refused) + b"\n"
    )
