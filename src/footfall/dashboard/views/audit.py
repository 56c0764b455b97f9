"""The audit log, for admins: who did what, filtered, to keep as a file, and whether the chain holds."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from litestar.response import Stream
from msgspec import Struct

from footfall import windows
from footfall.audit import Verdict
from footfall.dashboard.refusals import Fault, bad_input
from footfall.dashboard.serving import HEADERS
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.state import AuditEntry

_PAGE: Final = 100
# Entries of a file that are in memory at once.
_AT_ONCE: Final = 1_000
OUTCOMES: Final = ("ok", "denied", "failed")
FIELDS: Final = ("who", "action", "target", "outcome", "key", "address")
FILE: Final = "audit.jsonl"
# What both databases take as a number.
_DIGITS_MAX: Final = 15


class ChosenEntries(Struct, frozen=True):
    """Which entries the address is about: those with exactly these fields, from a time on (ms since 1970)."""

    fields: dict[str, str]
    since_ms: int


class ShownEntry(Struct, frozen=True):
    """An entry, and its details as a person reads them: names with values."""

    entry: AuditEntry
    details: list[tuple[str, str]]


async def show(visit: Visit) -> Shown:
    """The newest entries, the newest first."""
    return await _log(visit, None)


async def verify(visit: Visit) -> Shown:
    """Read the whole chain, and tell whether it holds; with a head that was kept elsewhere, up to there too."""
    number, _, kept = (head := visit.form.one("head").strip()).partition(":")
    if head and not (_is_number(number) and kept):
        return await _log(visit, bad_input(text("audit.bad_head")))
    verdict = await visit.services.audit.verify({int(number): kept} if head else {})
    visit.audit_target = "broken" if verdict.problems else "holds"
    return await _log(visit, None, verdict)


async def export(visit: Visit) -> Shown:
    """The entries of the address as JSON lines, in order, with all that their hashes are over."""
    if visit.request.path_params["file"] != FILE:
        raise RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such file")
    wanted = _wanted(visit)
    visit.audit_target = FILE
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{FILE}"'}
    return Stream(_lines(visit, wanted), media_type="application/x-ndjson", headers=headers)


async def _lines(visit: Visit, wanted: ChosenEntries) -> AsyncIterator[bytes]:
    encoder, number = msgspec.json.Encoder(), 0
    following = visit.services.audit.following
    while found := await asyncio.to_thread(following, number, _AT_ONCE, wanted.since_ms, **wanted.fields):
        yield encoder.encode_lines(found)
        number = found[-1].number


async def _log(visit: Visit, fault: Fault | None, verdict: Verdict | None = None) -> Rendered:
    address, newest = visit.address, visit.services.audit.newest
    before = address.one("before")
    wanted = _wanted(visit)
    last = await asyncio.to_thread(newest, None, 1)
    number = int(before) if _is_number(before) else None
    found = await asyncio.to_thread(newest, number, _PAGE + 1, wanted.since_ms, **wanted.fields)
    more = address.with_values(before=str(found[_PAGE - 1].number)) if len(found) > _PAGE else None
    values: dict[str, Any] = {
        "entries": [ShownEntry(entry, _details(entry)) for entry in found[:_PAGE]],
        "last": last[0] if last else None,
        "is_on": visit.services.settings.audit,
        "days": visit.services.settings.audit_days,
        "outcomes": OUTCOMES,
        "chosen": wanted.fields,
        "since": address.one("since"),
        "more": more,
        "before": before,
        "file": address.removing("before").at(visit.path(f"/dashboard/audit/{FILE}")),
        "here": address.removing("before").at(visit.path("/dashboard/audit")),
        "verdict": verdict,
        "fault": fault,
    }
    return Rendered("audit.html", values, fault.status if fault else 200)


def _wanted(visit: Visit) -> ChosenEntries:
    """What the address asks for. Raises RequestRefused for a time that is none, and for what no entry can have."""
    given = {name: value for name in FIELDS if (value := visit.address.one(name).strip())}
    if unprintable := [name for name, value in given.items() if not value.isprintable()]:
        why = f"{', '.join(unprintable)}: no entry has characters that are not printable"
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, why)
    since, timezone = visit.address.one("since"), windows.zone(visit.zone)
    since_ms = windows.parse_instant(since, timezone) if since and timezone else 0
    if since_ms is None:
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, f"since {windows.INSTANTS}")
    return ChosenEntries(given, max(since_ms, 0))


def _details(entry: AuditEntry) -> list[tuple[str, str]]:
    details: dict[str, Any] = msgspec.json.decode(entry.details)
    # What a form or a query has asked for is one level deeper, and is meant itself.
    if len(details) == 1 and isinstance(inner := next(iter(details.values())), dict):
        details = inner
    return [(name, _written(value)) for name, value in details.items()]


def _written(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, (str, int)) for each in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _is_number(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) <= _DIGITS_MAX
