"""The call about the audit log, for admins."""

import asyncio
from typing import Annotated, Any, Final

import msgspec
from litestar import Response
from litestar.di import NamedDependency
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from footfall.errors import Code, Problem, RequestRefused
from footfall.state import AuditEntry
from footfall.web.calls.request import UNCACHED, SignedInRequest
from footfall.web.dependencies import Services

PAGE_MAX: Final = 1_000
# What both databases and JSON's readers take.
_NUMBER_MAX: Final = 2**53 - 1
_FIELDS: Final = ("who", "action", "target", "outcome", "key", "address")


class AuditQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which entries to list; what is left out restricts nothing."""

    who: str = ""
    action: str = ""
    target: str = ""
    outcome: str = ""
    key: str = ""
    address: str = ""
    since: Annotated[int, Meta(ge=0, le=_NUMBER_MAX)] = 0
    before: Annotated[int, Meta(ge=1, le=_NUMBER_MAX)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 100


class AuditShown(Struct, frozen=True, kw_only=True):
    """Who did what, when, from where and with which key. Keys that have no value are left out."""

    number: Annotated[int, Meta(description="The place in the chain, from 1.")]
    time: Annotated[int, Meta(description="Milliseconds since 1970-01-01T00:00:00Z.")]
    action: str
    outcome: Annotated[str, Meta(description="`ok`, `denied` or `failed`.")]
    who: str | UnsetType = UNSET
    key: Annotated[str, Meta(description="The `id` of the key that signed in.")] | UnsetType = UNSET
    address: str | UnsetType = UNSET
    target: str | UnsetType = UNSET
    details: Annotated[dict[str, Any], Meta(description="What was asked for, and what came of it.")]
    node: str | UnsetType = UNSET
    hash: Annotated[str, Meta(description="SHA-256 over this entry and the hash of the one before.")]


class AuditPage(Struct, frozen=True, kw_only=True):
    """Entries, the newest first; `next` is missing on the last page."""

    entries: list[AuditShown]
    next: int | UnsetType = UNSET


async def list_audit(request: SignedInRequest, services: NamedDependency[Services]) -> Response[AuditPage]:
    if not request.user.admin:
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "the audit log is for admins only")
    try:
        wanted = msgspec.convert(dict(request.query_params), AuditQuery, strict=False)
    except msgspec.ValidationError as error:
        code = Code.REQUEST_PARAMETER_MALFORMED
        text = "the request cannot be read: one thing is wrong"
        raise RequestRefused(code, text, (Problem(code, "query", str(error)),)) from error
    fields = {name: value for name in _FIELDS if (value := getattr(wanted, name))}
    if not all(value.isprintable() for value in fields.values()):  # no entry has such a value
        return Response(AuditPage(entries=[]), headers=UNCACHED)
    before = None if wanted.before is UNSET else wanted.before
    newest = services.audit.newest
    found = await asyncio.to_thread(newest, before, wanted.limit + 1, wanted.since, **fields)
    shown = [_shown(entry) for entry in found[: wanted.limit]]
    next_page = shown[-1].number if len(found) > wanted.limit else UNSET
    return Response(AuditPage(entries=shown, next=next_page), headers=UNCACHED)


def _shown(entry: AuditEntry) -> AuditShown:
    return AuditShown(
        number=entry.number,
        time=entry.at_ms,
        action=entry.action,
        outcome=entry.outcome,
        who=entry.who or UNSET,
        key=entry.key or UNSET,
        address=entry.address or UNSET,
        target=entry.target or UNSET,
        details=msgspec.json.decode(Raw(entry.details.encode()), type=dict[str, Any]),
        node=entry.node or UNSET,
        hash=entry.hash,
    )
