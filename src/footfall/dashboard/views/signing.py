"""Signing in and out, and the choice of colours: all that forms of every page do."""

import asyncio
from collections.abc import Mapping
from typing import Final

from footfall.accounts import Unauthenticated
from footfall.audit import AuditEvent
from footfall.dashboard.cookies import THEMES, CookieKind
from footfall.dashboard.refusals import Fault, fault_of
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import RequestRefused
from footfall.state import User

# The page after signing in and out.
HOME: Final = "/"


async def show(visit: Visit) -> Shown:
    """The form; who is signed in already goes on."""
    target = visit.request.query_params.get("next", "")
    if visit.signed_in is not None:
        return Redirect(visit.local(target, HOME))
    return sign_in_form(visit, target, "")


async def sign_in(visit: Visit) -> Shown:
    """Sign in by name and password: with a new token, so that one which somebody planted here is worth nothing."""
    target, name = visit.form.one("next"), visit.form.one("user").strip()
    kind = CookieKind.at(visit.base_url)
    try:
        given = (name, visit.form.one("password"), visit.client_address, visit.form.one("code"))
        user = await visit.services.accounts.check(*given, mark=visit.mark)
    except Unauthenticated as error:
        visit.services.audit.sign_in_failed(error.user_id, visit.client_address)
        fault = Fault("signin", 401, text("signing.wrong.title"), text("signing.wrong.advice"), "")
        return sign_in_form(visit, target, name, fault)
    except RequestRefused as error:
        return sign_in_form(visit, target, name, fault_of(error, visit))
    await visit.services.audit.record(session_event("session.begin", user, visit))
    await begin_session(visit, user, visit.form.one("timezone"))
    visit.cookies.append(kind.keep_mark(await asyncio.to_thread(visit.services.accounts.devices.mark, user)))
    return Redirect(visit.local(target, HOME))


def sign_in_form(visit: Visit, target: str, name: str, fault: Fault | None = None) -> Rendered:
    """The form, with what went wrong, and the way to the identity provider where there is one."""
    settings = visit.services.settings
    provider = settings.oidc_name if visit.services.provider is not None else ""
    values = {"target": target, "name": name, "fault": fault, "provider": provider}
    return Rendered("sign_in.html", values, fault.status if fault else 200)


async def sign_out(visit: Visit) -> Shown:
    """End the session of this browser."""
    if visit.signed_in is not None:
        await visit.services.audit.record(session_event("session.end", visit.user, visit))
    await visit.services.sessions.end(visit.token)
    visit.new_token = ""
    return Redirect("/dashboard/sign-in")


async def sign_out_everywhere(visit: Visit) -> Shown:
    """End all sessions of the user, this one too."""
    await visit.services.audit.record(session_event("session.end_all", visit.user, visit))
    await visit.services.sessions.end_all(visit.user)
    visit.new_token = ""
    return Redirect("/dashboard/sign-in")


async def begin_session(visit: Visit, user: User, timezone: str) -> None:
    """Have the browser hold a new token, so that one which somebody planted here is worth nothing."""
    visit.new_token = await visit.services.sessions.begin(
        user,
        agent=visit.request.headers.get("user-agent", ""),
        timezone=timezone,
        replacing=visit.token,
    )


def session_event(action: str, user: User, visit: Visit, by: Mapping[str, str] | None = None) -> AuditEvent:
    """What the audit log has of a session: who, from where, and by whom they were vouched for; never its token."""
    who = {"who": user.id, "account": user.account, "address": visit.client_address}
    return AuditEvent(action=action, details=by or {}, **who)


async def choose_theme(visit: Visit) -> Shown:
    """Keep the chosen colours in this browser, and go back to the page."""
    chosen = visit.form.one("theme")
    theme = chosen if chosen in THEMES else ""
    visit.cookies.append(CookieKind.at(visit.base_url).keep_theme(theme))
    return Redirect(visit.local(visit.form.one("next"), HOME))
