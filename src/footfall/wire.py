"""The shapes that travel over HTTP, in the key order that published clients insist on."""

import msgspec
from msgspec import UNSET, Struct, UnsetType


class StoredEvent(Struct, kw_only=True, gc=False):
    """An event as stored and answered: the field order is the key order of the wire.

    Requests are decoded straight into this struct, and `sequence` and `batch` are then set over whatever the client
    sent there. `timestamp` is in ms since the epoch; `version` is that of the software that sent the event.
    """

    customer: str
    product: str
    type: str
    version: str | UnsetType = UNSET
    timestamp: int
    context: list[str | None]
    sequence: int = 0
    batch: str = ""


class ErrorValue(Struct, frozen=True):
    code: str
    message: str


class ErrorNode(Struct, frozen=True):
    """A node of the reference's ServerError; the body is a list of one root."""

    value: ErrorValue
    children: list["ErrorNode"] = []


class Unauthorized(Struct, frozen=True):
    """The body of every 401."""

    message: str = "Unauthorized"


class ReportFilter(Struct, frozen=True, omit_defaults=True):
    """What a report selects; `start` and `end` are ms since the epoch, both inclusive."""

    customer: str
    product: str
    types: tuple[str, ...] | UnsetType = UNSET
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
