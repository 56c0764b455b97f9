"""Signing in and out, and the choice of colours: all that forms of every page do."""

import asyncio
from typing import Final

from footfall.accounts import Unauthenticated
from footfall.audit import AuditEvent
from footfall.dashboard.cookies import THEMES, CookieKind, read_cookies
from footfall.dashboard.refusals import Fault, fault_of
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import RequestRefused
from footfall.state import User

# The page after signing in and out.
_HOME: Final = "/"


async def show(visit: Visit) -> Shown:
    """The form; who is signed in already goes on."""
    target = visit.request.query_params.get("next", "")
    if visit.signed_in is not None:
        return Redirect(visit.local(target, _HOME))
    return _form(target, "")


async def sign_in(visit: Visit) -> Shown:
    """Sign in by name and password: with a new token, so that one which somebody planted here is worth nothing."""
    target, name = visit.form.one("next"), visit.form.one("user").strip()
    kind, cookies = CookieKind.at(visit.base_url), read_cookies(visit.request.headers.get("cookie", ""))
    try:
        given = (name, visit.form.one("password"), visit.client_address, visit.form.one("code"))
        user = await visit.services.accounts.check(*given, mark=kind.mark_of(cookies))
    except Unauthenticated as error:
        visit.services.audit.sign_in_failed(error.user_id, visit.client_address)
        fault = Fault("signin", 401, text("signing.wrong.title"), text("signing.wrong.advice"), "")
        return _form(target, name, fault)
    except RequestRefused as error:
        return _form(target, name, fault_of(error, visit))
    await visit.services.audit.record(_event("session.begin", user, visit))
    visit.new_token = await visit.services.sessions.begin(
        user,
        agent=visit.request.headers.get("user-agent", ""),
        timezone=visit.form.one("timezone"),
        replacing=visit.token,
    )
    visit.cookies.append(kind.keep_mark(await asyncio.to_thread(visit.services.accounts.devices.mark, user)))
    return Redirect(visit.local(target, _HOME))


def _form(target: str, name: str, fault: Fault | None = None) -> Rendered:
    values = {"target": target, "name": name, "fault": fault}
    return Rendered("sign_in.html", values, fault.status if fault else 200)


async def sign_out(visit: Visit) -> Shown:
    """End the session of this browser."""
    if visit.signed_in is not None:
        await visit.services.audit.record(_event("session.end", visit.user, visit))
    await visit.services.sessions.end(visit.token)
    visit.new_token = ""
    return Redirect("/dashboard/sign-in")


async def sign_out_everywhere(visit: Visit) -> Shown:
    """End all sessions of the user, this one too."""
    await visit.services.audit.record(_event("session.end_all", visit.user, visit))
    await visit.services.sessions.end_all(visit.user)
    visit.new_token = ""
    return Redirect("/dashboard/sign-in")


def _event(action: str, user: User, visit: Visit) -> AuditEvent:
    """What the audit log has of a session: who, and from where; never its token."""
    return AuditEvent(action=action, who=user.id, account=user.account, address=visit.client_address)


async def choose_theme(visit: Visit) -> Shown:
    """Keep the chosen colours in this browser, and go back to the page."""
    chosen = visit.form.one("theme")
    theme = chosen if chosen in THEMES else ""
    visit.cookies.append(CookieKind.at(visit.base_url).keep_theme(theme))
    return Redirect(visit.local(visit.form.one("next"), _HOME))
