"""My account, the keys of programs: made and rotated with the text shown once, and withdrawn."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from footfall.accounts import BadKey, IssuedKey, KeyScope, WantedKey
from footfall.dashboard.refusals import Fault, bad_input
from footfall.dashboard.texts import text
from footfall.dashboard.views.choice import customers_of, products_of
from footfall.dashboard.views.proof import prove
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.state import ApiKey, TooManyKeys

LIST: Final = "/dashboard/account/keys"
# Keys of a page, more than a user usually may have.
_PAGE: Final = 500
# Seconds for which a rotated key still works.
OVERLAPS_S: Final = (0, 3_600, 86_400, 7 * 86_400, 30 * 86_400)
# What a page says was done, by the word that its address has for it.
DONE: Final = ("revoked",)


async def show(visit: Visit) -> Shown:
    """The user's keys, and the form for another."""
    return await _list(visit, None)


async def make(visit: Visit) -> Shown:
    """Make a key, and show its text, which is never seen again."""
    days = visit.form.one("days").strip()
    if days and not (days.isascii() and days.isdecimal()):
        return await _list(visit, bad_input(text("account.keys.days_number")))
    wanted = WantedKey(
        name=visit.form.one("name"),
        scopes=tuple(visit.form.all("scope")),
        customers=tuple(visit.form.all("customer")),
        products=tuple(visit.form.all("product")),
        days=int(days) if days else None,
    )
    fault = await prove(visit)
    issued = None
    if fault is None:
        issued, fault = await _try(lambda: visit.services.accounts.keys.issue(visit.user, wanted))
    visit.audit_target = issued.key.id if issued else ""
    return await _list(visit, fault, issued)


async def show_one(visit: Visit) -> Shown:
    """One key, with what can be done to it."""
    return _one(visit, await _find(visit), None)


async def rotate(visit: Visit) -> Shown:
    """Make a key in place of another, and show its text."""
    key = await _find(visit)
    overlap = visit.form.one("overlap")
    if overlap not in map(str, OVERLAPS_S):
        return _one(visit, key, bad_input(text("account.keys.no_overlap")))
    if fault := await prove(visit):
        return _one(visit, key, fault)
    issued, fault = await _try(lambda: visit.services.accounts.keys.rotate(key, int(overlap)))
    if fault:
        return _one(visit, key, fault)
    if issued is None:
        raise _no_key()
    return await _list(visit, None, issued)


async def revoke(visit: Visit) -> Shown:
    """Withdraw a key: it ends with its next use."""
    key = await _find(visit)
    if not visit.form.one("sure"):
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "tick the box first: there is no way back")
    if not await asyncio.to_thread(visit.services.accounts.keys.revoke, key.id):
        raise _no_key()
    return Redirect(f"{LIST}?done=revoked")


async def _list(visit: Visit, fault: Fault | None, issued: IssuedKey | None = None) -> Rendered:
    """The list; with an issued key, its text instead of the form."""
    found = await asyncio.to_thread(visit.services.accounts.keys.page, visit.user.account, "", _PAGE)
    now_ms = visit.services.clock.now_ms()
    keys = sorted((key for _, key in found), key=lambda key: (_is_over(key, now_ms), -key.created_ms, key.id))
    values: dict[str, Any] = {
        "keys": [(key, _is_over(key, now_ms)) for key in keys],
        "issued": issued,
        "scopes": list(KeyScope),
        "customers": customers_of(visit),
        "products": products_of(visit),
        "days_max": visit.services.settings.key_days_max,
        "form": visit.form,
        "fault": fault,
        "done": visit.address.one("done") if visit.address.one("done") in DONE else "",
    }
    return Rendered("account_keys.html", values, fault.status if fault else 200)


def _one(visit: Visit, key: ApiKey, fault: Fault | None) -> Rendered:
    values: dict[str, Any] = {
        "key": key,
        "is_over": _is_over(key, visit.services.clock.now_ms()),
        "overlaps": OVERLAPS_S,
        "usual": visit.services.settings.key_overlap_s,
        "fault": fault,
    }
    return Rendered("account_key.html", values, fault.status if fault else 200)


async def _find(visit: Visit) -> ApiKey:
    """The user's key that the path names. Raises RequestRefused, as for a key that there is not, for one of others."""
    found = await asyncio.to_thread(visit.services.accounts.keys.get, str(visit.request.path_params["key"]))
    if found is None or found[0].account != visit.user.account:
        raise _no_key()
    visit.audit_target = found[1].id
    return found[1]


async def _try(work: Callable[[], IssuedKey | None]) -> tuple[IssuedKey | None, Fault | None]:
    """An issued key, or what is wrong with what was asked for."""
    try:
        return await asyncio.to_thread(work), None
    except BadKey as error:
        return None, bad_input(str(error))
    except TooManyKeys as error:
        return None, bad_input(text("account.keys.too_many", why=error))


def _is_over(key: ApiKey, now_ms: int) -> bool:
    return key.expires_ms is not None and key.expires_ms <= now_ms


def _no_key() -> RequestRefused:
    return RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such key")
