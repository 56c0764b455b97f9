"""My account: who is signed in and where, what they may see, their password and their time zone."""

import asyncio
from typing import Final

from footfall import windows
from footfall.accounts import BadUser, session_name
from footfall.dashboard.refusals import Fault, bad_input
from footfall.dashboard.texts import text
from footfall.dashboard.views.proof import prove
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit

_HERE: Final = "/dashboard/account"
# What the page says was done, by the word that its address has for it.
DONE: Final = ("password", "session", "zone")


async def show(visit: Visit) -> Shown:
    """The user's rights and sessions."""
    return await _account(visit, None)


async def change_password(visit: Visit) -> Shown:
    """Set a new password, for whoever knows the present one; all other sessions end."""
    form, user = visit.form, visit.user
    if fault := await prove(visit, by_password=True):
        return await _account(visit, fault)
    if form.one("password") != form.one("again"):
        return await _account(visit, bad_input(text("account.password.differ")))
    try:
        await asyncio.to_thread(visit.services.accounts.password, user.id, form.one("password"))
    except BadUser as error:
        return await _account(visit, bad_input(str(error)))
    # The old session ended with the old password.
    now = await asyncio.to_thread(visit.services.accounts.get, user.id)
    if now is None:
        return Redirect("/dashboard/sign-in")
    visit.audit_target = user.id
    visit.new_token = await visit.services.sessions.begin(
        now, agent=visit.request.headers.get("user-agent", ""), timezone=visit.zone, replacing=visit.token
    )
    return Redirect(f"{_HERE}?done=password")


async def choose_zone(visit: Visit) -> Shown:
    """Show times by another clock in this browser, for as long as its session lasts."""
    zone = visit.form.one("timezone").strip()
    if windows.zone(zone) is None:
        return await _account(visit, bad_input(text("account.zone.unknown", zone=zone)))
    if visit.signed_in is not None:
        await visit.services.sessions.choose_timezone(visit.signed_in.session, zone)
    return Redirect(f"{_HERE}?done=zone")


async def end_session(visit: Visit) -> Shown:
    """Sign another browser out."""
    name = visit.form.one("session")
    if visit.signed_in is not None and name == session_name(visit.signed_in.session):
        return await _account(visit, bad_input(text("account.session_here")))
    if not await visit.services.sessions.end_one(visit.user, name):
        return await _account(visit, bad_input(text("account.session_gone")))
    visit.audit_target = name
    return Redirect(f"{_HERE}?done=session")


async def _account(visit: Visit, fault: Fault | None) -> Rendered:
    sessions = await visit.services.sessions.list(visit.user)
    here = visit.signed_in.session.token_hash if visit.signed_in else ""
    return Rendered(
        "account.html",
        {
            "sessions": [
                (session, session.token_hash == here, browser(session.agent), session_name(session))
                for session in sessions
            ],
            "fault": fault,
            "done": visit.address.one("done") if visit.address.one("done") in DONE else "",
        },
        fault.status if fault else 200,
    )


# What browsers call themselves, by a mark that only they have, the more special ones first.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser(agent: str) -> str:
    """A browser's name for people, `Firefox, Windows`; what it calls itself where it is none of the known ones."""
    names = [next((name for mark, name in known if mark in agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, names)) or agent[:60]
