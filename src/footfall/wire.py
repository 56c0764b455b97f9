"""The shapes that travel over HTTP, in the key order that published clients require; and repairs of JSON bodies."""

import re
from enum import StrEnum

import msgspec
from msgspec import UNSET, Struct, UnsetType


class ReceivedEvent(Struct, kw_only=True, gc=False):
    """An event as its sender describes it, and its place in the request: the field order is the key order of the wire.

    Requests are decoded straight into this struct, and `sequence` is then set over whatever the client sent there.
    `timestamp` is in ms since the epoch; `version` is that of the software that sent the event.
    """

    customer: str
    product: str
    type: str
    version: str | UnsetType = UNSET
    timestamp: int
    context: list[str | None]
    sequence: int = 0


class StoredEvent(ReceivedEvent, kw_only=True, gc=False):
    """An event as stored and answered; batch and sequence are its identity."""

    batch: str = ""


class Standing(StrEnum):
    """Where a quarantined event stands; the two last are for ever."""

    HELD = "held"
    DROPPED = "dropped"
    RELEASED = "released"


class ErrorPlace(Struct, frozen=True):
    """Where a problem is: `index` is the event's place in `events` of the request, where it is about an event."""

    path: str
    index: int | UnsetType = UNSET


class ErrorValue(Struct, frozen=True):
    code: str
    message: str
    data: ErrorPlace | UnsetType = UNSET


class ErrorNode(Struct, frozen=True):
    """A node of the reference's ServerError; the body is a list of one root."""

    value: ErrorValue
    children: list["ErrorNode"] = []


class Unauthorized(Struct, frozen=True):
    """The body of every 401."""

    message: str = "Unauthorized"


class Sender(Struct, frozen=True):
    """Where a request came from: the address at the other end, and the headers `Origin` and `User-Agent`."""

    address: str = ""
    origin: str = ""
    user_agent: str = ""


class ReportFilter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a report selects; `start` and `end` are ms since the epoch, both inclusive.

    It has either `customer` or `customers`, and either `product` or `products`; a `*` in these stands for all. Types
    may begin several with a `*` behind. `where` has conditions on context keys, such as `userId:is:ada`.
    """

    customer: str | UnsetType = UNSET
    customers: tuple[str, ...] | UnsetType = UNSET
    product: str | UnsetType = UNSET
    products: tuple[str, ...] | UnsetType = UNSET
    types: tuple[str, ...] | UnsetType = UNSET
    versions: tuple[str, ...] | UnsetType = UNSET
    where: tuple[str, ...] | UnsetType = UNSET
    start: int | UnsetType = UNSET
    end: int | UnsetType = UNSET


class ReportTiming(Struct, frozen=True):
    """`day` is the UTC day of the start, `YYYY-MM-DD`; `start` and `end` are ms since the epoch."""

    day: str
    start: int
    end: int | UnsetType = UNSET


class ReportOutput(Struct, frozen=True):
    """The part of a report's output that its status shows: only what the request carried."""

    delimiter: str | UnsetType = UNSET
    bucketName: str | UnsetType = UNSET  # noqa: N815 - the wire's own name
    bucketKey: str | UnsetType = UNSET  # noqa: N815 - the wire's own name


class ReportStatus(Struct, frozen=True):
    """The answer of the report calls; a published client fails on any other key, order or null."""

    job: str
    source: str
    status: str
    filter: ReportFilter
    timing: ReportTiming
    output: ReportOutput | UnsetType = UNSET


class ReportLink(Struct, frozen=True):
    link: str


class Service(Struct, frozen=True):
    version: str
    name: str
    description: str
    environment: str


class ServiceVersion(Struct, frozen=True):
    service: Service


class SystemVersion(Struct, frozen=True):
    version: str
    service: Service


class AuthenticatedUser(Struct, frozen=True):
    id: str
    context: str
    permissions: str | None


class ServiceAuthenticate(Struct, frozen=True):
    service: ServiceVersion
    user: AuthenticatedUser


encode = msgspec.json.Encoder().encode


# What some programs write into JSON: a byte order mark, and halves of surrogate pairs.
_BOM = b"\xef\xbb\xbf"
_HEX2 = rb"[0-9a-fA-F]{2}"
_HIGH = rb"\\u[dD][89abAB]" + _HEX2
_LOW = rb"\\u[dD][c-fC-F]" + _HEX2
# The first half of a pair without the second, or the second without the first.
_HALF = re.compile(rb"%b(?!%b)|(?<!%b)%b" % (_HIGH, _LOW, _HIGH, _LOW))


def explain_syntax(body: bytes, error: Exception) -> str:
    """Why a body could not be decoded, in words for the author of a client."""
    if not body.strip():
        return "is empty; it must be JSON in UTF-8"
    if isinstance(error, UnicodeDecodeError):
        return f"is not JSON in UTF-8: the byte 0x{error.object[error.start]:02x} is part of no character"
    if "truncated" in str(error):
        return "is not JSON in UTF-8: it ends within a value"
    return f"is not JSON in UTF-8: {error}"


def mend_json(body: bytes) -> bytes:
    """The body without a byte order mark, and with U+FFFD where only half of a surrogate pair is written.

    Text that was cut within an emoji has such a half: JSON allows it, but it is no character, and no UTF-8 can hold it.
    """
    body = body.removeprefix(_BOM)
    # NUL has no place in JSON, so that it can stand for an escaped backslash, which begins no other escape.
    if b"\\u" not in body or b"\0" in body:
        return body
    plain = body.replace(b"\\\\", b"\0\0")
    mended = bytearray(plain)
    # In place: a substitution would keep a piece of the text for each.
    for half in _HALF.finditer(plain):
        start, end = half.span()
        mended[start:end] = b"\\ufffd"
    return bytes(mended.replace(b"\0\0", b"\\\\"))
