"""The call behind a report's link: its file, whole or in parts, so that a broken download resumes."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send

from footfall import refusals
from footfall.api import ranges
from footfall.api.entrance import BODYLESS
from footfall.api.rooms import Rooms
from footfall.errors import Code, RequestRefused
from footfall.reports import Download, disposition


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
    rooms: NamedDependency[Rooms],
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
    if ranges.unchanged(asked.get("if-none-match"), file.etag):
        return ASGIResponse(status_code=304, headers=headers)
    bodyless = BODYLESS in request.scope
    if file.location is not None and not bodyless:
        # The store takes up the range itself. Nobody may keep the redirect: what it leads to ends sooner than the link.
        headers = {"location": file.location, "cache-control": "no-store"}
        return ASGIResponse(status_code=307, headers=headers, media_type="text/plain")
    partial = not bodyless and ranges.applies(asked.get("if-range"), file.etag)
    match ranges.select(asked.get("range") if partial else None, file.size):
        case ranges.Unsatisfiable():
            return _unsatisfiable(file.size)
        case ranges.Part(start, end):
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
    return ASGIResponse(status_code=refusals.STATUS[refused.code], headers=headers, body=refusals.body(refused))
