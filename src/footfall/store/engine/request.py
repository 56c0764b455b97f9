"""Requests to the engine: from HTTP's parts to a statement, as ClickHouse reads them.

A statement stands in the parameter `query`, in the body, in a form's field `query`, or at the front of the body with
its data behind it. Data that has the body for itself goes to a file, compressed as it is, and chDB reads that.

chDB takes the name of a file to read for a pattern, wherever in its path `{`, `*` or `?` stand, and has no way to quote
them: a pattern that no file fits is read as no rows, without a word. So it never gets the path of the file, which the
operator's name of the data folder is a part of, but its descriptor, as /dev/fd/N.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from email.message import Message
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from footfall.store.engine import sql
from footfall.store.engine.executors import EngineError, EngineStatement
from footfall.store.engine.rights import Rights

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Parameters of the transport, which are no settings of a statement.
TRANSPORT = frozenset(
    {
        "buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "compress",
        "database",
        "decompress",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "query",
        "query_id",
        "quota_key",
        "role",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "wait_end_of_query",
    }
)
# What chDB calls a Content-Encoding.
_COMPRESSIONS = {"": "none", "identity": "none", "zstd": "zstd", "lz4": "lz4", "gzip": "gz", "br": "br"}
_WRITE_BYTES = 1 << 20
# A longer statement is checked on a thread: 200 KB of it take seconds, in which others would wait.
_INLINE_CHARS_MAX = 16 * 1024
# What the head of a form's part says.
_NAMED = re.compile(rb'\r\ncontent-disposition: *form-data *;(?:[^\r]*;)? *name="([^"\r]*)"', re.IGNORECASE)
_FILE = re.compile(rb"\r\ncontent-disposition:[^\r]*; *filename\*?=", re.IGNORECASE)


class Bounds(Struct, frozen=True):
    """The most bytes of a statement's text with its inline data, and of data in a file."""

    statement: int
    data: int


class ClientGone(Exception):
    """The client left before its request was complete."""


class Request(Struct, frozen=True):
    """A statement with the id that the client gave it; the file of its data has no name, and is gone when closed."""

    statement: EngineStatement
    query_id: str


class Reader:
    """Reads requests, and refuses what may not run; `spool` is the folder for their data."""

    def __init__(self, spool: Path, bounds: Bounds, rights: Rights) -> None:
        self._spool = spool
        self._bounds = bounds
        self._rights = rights

    async def read(self, query_string: bytes, headers: dict[str, str], receive: Receive) -> Request:
        """Read one request to its end; raises EngineError for what cannot be taken, and Disconnected."""
        values = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
        text, encoding = values.get("query", ""), headers.get("content-encoding", "").lower()
        if sql.read_keyword(text) == "INSERT":
            return await self._read_data(text, values, encoding, receive)
        if _COMPRESSIONS.get(encoding) != "none":
            raise EngineError(89, "A statement cannot come compressed, only its data. (UNKNOWN_COMPRESSION_METHOD)")
        body = b"".join([chunk async for chunk in _chunks(receive, self._bounds.statement)])
        if headers.get("content-type", "").startswith("multipart/form-data"):
            form = _read_form(headers["content-type"], body)
            return await self._make(form.get("query", ""), values | form)
        if text:
            return await self._make(f"{text}\n{_decode(body)}", values)
        # Behind an INSERT may be inline data that is no text.
        is_insert = sql.read_keyword(body[:1024].decode("latin-1")) == "INSERT"
        return await self._make(body if is_insert else _decode(body), values)

    async def _read_data(self, text: str, values: dict[str, str], encoding: str, receive: Receive) -> Request:
        if encoding not in _COMPRESSIONS:
            raise EngineError(89, "Unknown Content-Encoding. (UNKNOWN_COMPRESSION_METHOD)")
        try:
            file = await asyncio.to_thread(_create, self._spool / f"{uuid.uuid4().hex}.data")
        except OSError as error:
            raise _no_space(error) from error
        try:
            size = await _save(_chunks(receive, self._bounds.data), file)
            request = await self._make(text, values, file)
            if not size:
                return request
            statement = replace(request.statement, text=_load(text, file, encoding), loads_into=sql.read_target(text))
            return Request(statement, request.query_id)
        except BaseException:
            file.close()
            raise

    async def _make(self, text: str | bytes, values: dict[str, str], data: BinaryIO | None = None) -> Request:
        if not text.strip():
            raise EngineError(62, "Empty query. (SYNTAX_ERROR)")
        mark = uuid.uuid4().hex
        own = {name: value for name, value in values.items() if name not in TRANSPORT}
        settings = {name: value for name, value in own.items() if not name.startswith("param_")}
        for name in settings:
            if not sql.is_setting(name):
                raise EngineError(115, f"{name[:50]!r} cannot be a setting. (UNKNOWN_SETTING)")
        parameters = {name.removeprefix("param_"): value for name, value in own.items() if name.startswith("param_")}
        database = values.get("database", "")
        if len(text) > _INLINE_CHARS_MAX:
            await asyncio.to_thread(self._rights.check, text, database, parameters, settings)
        else:
            self._rights.check(text, database, parameters, settings)
        statement = EngineStatement(
            text=text,
            mark=mark,
            data=data,
            keyword=sql.read_keyword(text) if isinstance(text, str) else "INSERT",
            database=database,
            parameters=parameters,
            settings=settings,
        )
        query_id = values.get("query_id", "")
        # It goes into a header and the log.
        return Request(statement, query_id if query_id.isascii() and query_id.isprintable() and query_id else mark)


def _load(text: str, file: BinaryIO, encoding: str) -> str:
    loading = sql.from_file(text, f"/dev/fd/{file.fileno()}", _COMPRESSIONS[encoding])
    if loading is None:
        raise EngineError(62, "An INSERT with its data in the body has to end with FORMAT. (SYNTAX_ERROR)")
    return loading


async def _chunks(receive: Receive, most: int) -> AsyncIterator[bytes]:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise EngineError(307, f"The request's body has more than {most} bytes. (TOO_MANY_BYTES)")
        yield chunk
        more = message.get("more_body", False)


def _create(path: Path) -> BinaryIO:
    """A new file without a name, for this process alone."""
    file = path.open("x+b", buffering=0)
    path.unlink()
    return file


async def _save(chunks: AsyncIterator[bytes], file: BinaryIO) -> int:
    """Write all chunks to a new file, and go back to its start; gives its size."""
    size, waiting = 0, bytearray()
    try:
        async for chunk in chunks:
            waiting += chunk
            size += len(chunk)
            if len(waiting) >= _WRITE_BYTES:
                await asyncio.to_thread(_write, file, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(_write, file, bytes(waiting))
        # Where /dev/fd/N is this very open file, its place in it is the engine's too.
        file.seek(0)
    except OSError as error:
        raise _no_space(error) from error
    return size


def _write(file: BinaryIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _no_space(error: OSError) -> EngineError:
    return EngineError(243, f"The data cannot be written: {error}. (NOT_ENOUGH_SPACE)")


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EngineError(62, "The statement is not UTF-8. (SYNTAX_ERROR)") from error


def _read_form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form, cut at its boundary: what stands between is taken to the byte."""
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + (boundary or "").encode("latin-1"))
    if not boundary or not parts or not parts[-1].startswith(b"--"):
        raise EngineError(36, "The form has no parts, or no end. (BAD_ARGUMENTS)")
    return dict(_read_part(part) for part in parts[:-1])


def _read_part(part: bytes) -> tuple[str, str]:
    head, _, data = part.partition(b"\r\n\r\n")
    named = _NAMED.search(head)
    if named is None:
        raise EngineError(36, "A part of the form has no name. (BAD_ARGUMENTS)")
    if _FILE.search(head):
        raise EngineError(48, "External data is not supported here. (NOT_IMPLEMENTED)")
    return _decode(named[1]), _decode(data)
