"""Signing in and out, and the choice of colours: all that forms of every page do."""

from typing import Final

from footfall.accounts import Unauthenticated
from footfall.dashboard.cookies import THEMES, CookieKind
from footfall.dashboard.refusals import Fault, fault_of
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import RequestRefused

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
    try:
        user = await visit.services.accounts.check(name, visit.form.one("password"), visit.client_address)
    except Unauthenticated:
        fault = Fault("signin", 401, text("signing.wrong.title"), text("signing.wrong.advice"), "")
        return _form(target, name, fault)
    except RequestRefused as error:
        return _form(target, name, fault_of(error, visit))
    visit.new_token = await visit.services.sessions.begin(
        user,
        agent=visit.request.headers.get("user-agent", ""),
        timezone=visit.form.one("timezone"),
        replacing=visit.token,
    )
    return Redirect(visit.local(target, _HOME))


def _form(target: str, name: str, fault: Fault | None = None) -> Rendered:
    values = {"target": target, "name": name, "fault": fault}
    return Rendered("sign_in.html", values, fault.status if fault else 200)


async def sign_out(visit: Visit) -> Shown:
    """End the session of this browser."""
    await visit.services.sessions.end(visit.token)
    visit.new_token = ""
    return Redirect("/dashboard/sign-in")


async def sign_out_everywhere(visit: Visit) -> Shown:
    """End all sessions of the user, this one too."""
    await visit.services.sessions.end_all(visit.user)
    visit.new_token = ""
    return Redirect("/dashboard/sign-in")


async def choose_theme(visit: Visit) -> Shown:
    """Keep the chosen colours in this browser, and go back to the page."""
    chosen = visit.form.one("theme")
    theme = chosen if chosen in THEMES else ""
    visit.cookies.append(CookieKind.at(visit.base_url).keep_theme(theme))
    return Redirect(visit.local(visit.form.one("next"), _HOME))
