"""My account, the code beside the password: set up with a QR code, recovery codes shown once, given up."""

import asyncio
from typing import Any, Final

import segno

from footfall.accounts import PendingFactor
from footfall.dashboard.refusals import Fault, bad_input
from footfall.dashboard.texts import text
from footfall.dashboard.views.proof import prove
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit

HERE: Final = "/dashboard/account/code"
# What the page says was done, by the word that its address has for it.
DONE: Final = ("removed",)
# Letters of a secret in a row, as people type them.
_GROUP: Final = 4
# Light modules on each side of a QR code, without which readers do not find it.
QUIET_MODULES: Final = 4


async def show(visit: Visit) -> Shown:
    """Whether the password needs a code, and how many recovery codes are left."""
    return await _page(visit, None)


async def begin(visit: Visit) -> Shown:
    """Make a secret, and show it as a QR code and as text; it counts once a code of it was given."""
    if fault := await prove(visit):
        return await _page(visit, fault)
    begun = await asyncio.to_thread(visit.services.accounts.factors.begin, visit.user)
    if begun is None:
        return await _page(visit, bad_input(text("account.code.is_on")))
    visit.audit_target = visit.user.id
    return await _page(visit, None, begun=begun)


async def confirm(visit: Visit) -> Shown:
    """Have the code count from now on, and show the recovery codes."""
    factors, user = visit.services.accounts.factors, visit.user
    codes = await asyncio.to_thread(factors.confirm, user, visit.form.one("code"))
    if codes is None:
        # The secret that the form was about is shown again, so that nobody has to scan another.
        begun = factors.restore(user, visit.form.one("secret"))
        return await _page(visit, bad_input(text("account.code.wrong")), begun=begun)
    visit.audit_target = user.id
    return await _page(visit, None, codes=codes)


async def remove(visit: Visit) -> Shown:
    """Have the password count alone again."""
    if fault := await prove(visit):
        return await _page(visit, fault)
    await asyncio.to_thread(visit.services.accounts.factors.remove, visit.user)
    visit.audit_target = visit.user.id
    return Redirect(f"{HERE}?done=removed")


async def _page(
    visit: Visit, fault: Fault | None, begun: PendingFactor | None = None, codes: list[str] | None = None
) -> Rendered:
    left = await asyncio.to_thread(visit.services.accounts.factors.left, visit.user)
    secret = begun.secret if begun else ""
    values: dict[str, Any] = {
        "left": left,
        "begun": begun,
        "drawn": qr_path(begun.uri) if begun else None,
        "groups": [secret[place : place + _GROUP] for place in range(0, len(secret), _GROUP)],
        "codes": codes,
        "fault": fault,
        "done": visit.address.one("done") if visit.address.one("done") in DONE else "",
    }
    return Rendered("account_code.html", values, fault.status if fault else 200)


def qr_path(text: str) -> tuple[int, str]:
    """A QR code's width in modules, quiet zone included, and an SVG path over its dark ones, one piece for each run.

    Error correction is of level M: 15 % of the code may be hidden.
    """
    rows = [bytes(row) for row in segno.make(text, error="m", micro=False, boost_error=False).matrix]
    runs = []
    for y, row in enumerate(rows, QUIET_MODULES):
        x = 0
        while (x := row.find(1, x)) >= 0:
            end = row.find(0, x)
            end = len(row) if end < 0 else end
            runs.append(f"M{x + QUIET_MODULES} {y}h{end - x}v1h{x - end}z")
            x = end
    return len(rows) + 2 * QUIET_MODULES, "".join(runs)
