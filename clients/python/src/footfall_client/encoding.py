"""An event as its line of JSON: checked and encoded where it is tracked, so that a mistake is its caller's to see.

Lines are ASCII and hold no newline, so that a batch can be taken apart again at its newlines.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final

from footfall_client.options import EVENT_BYTES_MAX

BODY_START: Final = b'{"events":[\n'
BODY_END: Final = b"\n]}"
SEPARATOR: Final = b",\n"

_KEYS: Final = {"customer", "product", "type", "context", "timestamp", "version"}


def encode_event(
    customer: str,
    product: str,
    type: str,  # noqa: A002 - the API's name
    context: Iterable[str | None],
    timestamp: float | datetime | None,
    version: str | None,
) -> str:
    """The line of an event. Times are milliseconds since 1970, or a datetime with a zone.

    Raises TypeError or ValueError when a value is none that an event can have.
    """
    if timestamp is None:
        timestamp = int(time.time() * 1000)
    elif timestamp.__class__ is not int:
        timestamp = _milliseconds(timestamp)
    if context.__class__ is str:
        message = "context is a list of strings, not a string"
        raise TypeError(message)
    context = tuple(context)
    try:
        values = ",".join(map(quote, context))  # type: ignore[arg-type] # None is the rare case
    except TypeError:
        values = ",".join("null" if value is None else quote(value) for value in context)
    line = (
        f'{{"customer":{quote(customer)},"product":{quote(product)},"type":{quote(type)},'
        f'"timestamp":{timestamp},"context":[{values}]'
    )
    line += "}" if version is None else f',"version":{quote(version)}}}'
    if len(line) > EVENT_BYTES_MAX:
        message = f"an event of {len(line)} bytes is more than {EVENT_BYTES_MAX}"
        raise ValueError(message)
    return line


def encode_mapping(event: Mapping[str, Any]) -> str:
    """The line of an event that is given as the mapping of its keys."""
    if not event.keys() <= _KEYS:
        message = f"an event has no key {min(event.keys() - _KEYS)}"
        raise TypeError(message)
    try:
        return encode_event(
            event["customer"],
            event["product"],
            event["type"],
            event.get("context", ()),
            event.get("timestamp"),
            event.get("version"),
        )
    except KeyError as error:
        message = f"an event needs its {error.args[0]}"
        raise TypeError(message) from error


def _milliseconds(timestamp: float | datetime) -> int:
    if isinstance(timestamp, datetime):
        if timestamp.tzinfo is None:
            message = "a timestamp without a zone could be any of 24 hours"
            raise ValueError(message)
        return int(timestamp.timestamp() * 1000)
    if isinstance(timestamp, bool) or not isinstance(timestamp, (int, float)) or timestamp != int(timestamp):
        message = f"a timestamp is a whole number of milliseconds or a datetime, not {timestamp!r}"
        raise TypeError(message)
    return int(timestamp)


def body_of(lines: Iterable[bytes]) -> bytes:
    """The JSON of a request with these lines."""
    return BODY_START + SEPARATOR.join(lines) + BODY_END


def lines_of(body: bytes) -> list[bytes]:
    """The lines of a request that `body_of` made."""
    return body[len(BODY_START) : -len(BODY_END)].split(SEPARATOR)
