"""Requests to the engine: from HTTP's parts to a statement, as ClickHouse reads them.

A statement stands in the parameter `query`, in the body, or at the front of the body with its data behind it. Data that
comes in a body of its own goes to a file, from which chDB reads it, compressed as it is.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from backports import zstd
from msgspec import Struct

from footfall.store import engine_sql as sql
from footfall.store.engine_lanes import EngineError, Statement

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# Parameters of the transport that are no settings of a statement.
TRANSPORT = frozenset(
    """database query query_id session_id session_timeout session_check buffer_size compress decompress quota_key role
    wait_end_of_query client_protocol_version default_format send_progress_in_http_headers
    http_headers_progress_interval_ms enable_http_compression cancel_http_readonly_queries_on_client_close
    http_response_buffer_size user password""".split()
)
_WRITE_BYTES = 1 << 20
# Content-Encoding, and what chDB calls it when it reads a file.
_COMPRESSIONS = {"": "none", "identity": "none", "zstd": "zstd", "lz4": "lz4", "gzip": "gz", "br": "br"}


class Limits(Struct, frozen=True):
    """Bounds in bytes: of a statement's text with its inline data, and of data in a file."""

    statement: int
    data: int


class Disconnected(Exception):
    """The client left before its request was complete."""


class Request(Struct, kw_only=True):
    """A request's statement, and the file of its data, which the caller has to delete."""

    statement: Statement
    data: Path | None = None


async def read_request(
    query_string: bytes, headers: dict[str, str], receive: Receive, spool: Path, limits: Limits
) -> Request:
    """Read one request to its end; raises EngineError for what cannot be taken, and Disconnected."""
    values = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    encoding = headers.get("content-encoding", "").lower()
    if encoding not in _COMPRESSIONS:
        raise EngineError(89, f"Code: 89. Content-Encoding {encoding[:20]!r} is not known (UNKNOWN_COMPRESSION_METHOD)")
    mark = uuid.uuid4().hex
    text = values.get("query", "")
    if text and sql.is_insert(text):
        path = spool / f"{mark}.data"
        if await _save(receive, path, limits.data):
            return _load_file(text, path, values, encoding, mark)
        path.unlink(missing_ok=True)
        return Request(statement=_make(text, values, mark))
    body = await _read(receive, limits.statement)
    if headers.get("content-type", "").startswith("multipart/form-data"):
        values |= _read_form(headers["content-type"], body)
        return Request(statement=_make(values.get("query", ""), values, mark))
    body = _decode(body, encoding)
    if sql.INSERT_BYTES.match(body) and not text:
        # Inline data may be binary, so that the statement stays bytes; chDB tells the statement from its data.
        return Request(statement=_make(body, values, mark))
    return Request(statement=_make("\n".join(filter(None, (text, body.decode("utf-8")))), values, mark))


def _load_file(text: str, path: Path, values: dict[str, str], encoding: str, mark: str) -> Request:
    loading = sql.from_file(text, str(path), _COMPRESSIONS[encoding])
    if loading is None:
        path.unlink(missing_ok=True)
        raise EngineError(62, "Code: 62. An INSERT whose data is the body must end with its FORMAT (SYNTAX_ERROR)")
    return Request(statement=_make(loading, values, mark), data=path)


def _make(text: str | bytes, values: dict[str, str], mark: str) -> Statement:
    shape = sql.read_shape(text) if isinstance(text, str) else sql.Shape("INSERT", sql.DEFAULT_FORMAT, 0)
    return Statement(
        text=text,
        shape=shape,
        mark=mark,
        query_id=values.get("query_id") or mark,
        database=values.get("database", ""),
        parameters={name.removeprefix("param_"): text for name, text in values.items() if name.startswith("param_")},
        settings={
            name: text for name, text in values.items() if name not in TRANSPORT and not name.startswith("param_")
        },
    )


async def _chunks(receive: Receive, limit: int):  # type: ignore[no-untyped-def]
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        size += len(message.get("body", b""))
        if size > limit:
            raise EngineError(307, f"Code: 307. The request's body has more than {limit} bytes (TOO_MANY_BYTES)")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _read(receive: Receive, limit: int) -> bytes:
    return b"".join([chunk async for chunk in _chunks(receive, limit)])


async def _save(receive: Receive, path: Path, limit: int) -> int:
    """Write the body to a new file and give its size; nothing is left when that fails."""
    size, waiting = 0, bytearray()
    try:
        with path.open("xb") as file:
            async for chunk in _chunks(receive, limit):
                waiting += chunk
                if len(waiting) >= _WRITE_BYTES:
                    size += await asyncio.to_thread(file.write, bytes(waiting))
                    waiting.clear()
            size += await asyncio.to_thread(file.write, bytes(waiting))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise EngineError(243, f"Code: 243. The data cannot be written: {error} (NOT_ENOUGH_SPACE)") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


def _decode(body: bytes, encoding: str) -> bytes:
    match encoding:
        case "" | "identity":
            return body
        case "zstd":
            return zstd.decompress(body)
        case _:
            message = f"Code: 89. A statement cannot come with {encoding} (UNKNOWN_COMPRESSION_METHOD)"
            raise EngineError(89, message)


def _read_form(content_type: str, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    form = BytesParser().parsebytes(head + body)
    parts = form.get_payload()
    if isinstance(parts, str):
        raise EngineError(36, "Code: 36. The form has no parts (BAD_ARGUMENTS)")
    return dict(_read_part(part) for part in parts if isinstance(part, Message))


def _read_part(part: Message) -> tuple[str, str]:
    if part.get_filename() is not None:
        raise EngineError(48, "Code: 48. External data is not supported here (NOT_IMPLEMENTED)")
    name = part.get_param("name", header="content-disposition")
    data = part.get_payload(decode=True)
    return str(name), data.decode("utf-8") if isinstance(data, bytes) else ""
