"""Signing in with the identity provider: the way there, and back."""

from typing import Final

from footfall.audit import AuditEvent
from footfall.dashboard.cookies import CookieKind, read_cookies
from footfall.dashboard.refusals import Fault, fault_of
from footfall.dashboard.texts import text
from footfall.dashboard.views.signing import HOME, begin_session, session_event, sign_in_form
from footfall.dashboard.visit import Redirect, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.oidc import LIFE_S, Finished, ProviderSignIn, SignInRefused

# The path to which the provider sends browsers back, and which it has to be told of.
CALLBACK: Final = "/dashboard/sign-in/callback"


async def begin(visit: Visit) -> Shown:
    """Send the browser to the provider, with a cookie by which it is known when it comes back."""
    provider = _provider(visit)
    target = visit.request.query_params.get("next", "")
    zone = visit.request.query_params.get("timezone", "")
    try:
        started = await provider.begin(f"{zone} {target}", visit.base_url + CALLBACK)
    except SignInRefused as error:
        return sign_in_form(visit, target, "", _fault(error))
    visit.cookies.append(CookieKind.at(visit.base_url).keep_begun(started.cookie, LIFE_S))
    return Redirect(started.url, outside=True)


async def finish(visit: Visit) -> Shown:
    """Begin a session for whom the provider sends back: with a new token, as after a password."""
    provider = _provider(visit)
    kind, cookies = CookieKind.at(visit.base_url), read_cookies(visit.request.headers.get("cookie", ""))
    asked = visit.request.query_params
    # What is said twice may be read in two ways: it counts as not said.
    query = {name: values[0] for name in asked if len(values := asked.getall(name)) == 1}
    # A code is good for one sign-in, and so is what the browser holds for it.
    visit.cookies.append(kind.keep_begun("", 0))
    try:
        given = (query, kind.begun_of(cookies), visit.base_url + CALLBACK, visit.client_address)
        finished = await provider.finish(*given)
    except SignInRefused as error:
        visit.services.audit.sign_in_failed("", visit.client_address)
        return sign_in_form(visit, "", "", _fault(error))
    except RequestRefused as error:
        return sign_in_form(visit, "", "", fault_of(error, visit))
    await _record(finished, visit)
    zone, _, target = finished.target.partition(" ")
    await begin_session(visit, finished.vouched.user, zone)
    return Redirect(visit.local(target, HOME))


async def _record(finished: Finished, visit: Visit) -> None:
    """Write down what the sign-in changed, and the sign-in."""
    user, identity = finished.vouched.user, finished.identity
    by = {"issuer": identity.issuer, "subject": identity.subject}
    if finished.vouched.change:
        rights = {
            "admin": user.admin,
            "monitor": user.monitor,
            "customers": list(user.customers),
            "products": list(user.products),
        }
        change = AuditEvent(
            action=finished.vouched.change,
            who=user.id,
            account=user.account,
            address=visit.client_address,
            target=user.id,
            details={**by, "rights": rights},
        )
        await visit.services.audit.record(change)
    await visit.services.audit.record(session_event("session.begin", user, visit, by))


def _provider(visit: Visit) -> ProviderSignIn:
    """What signs people in with the provider. Raises RequestRefused where the settings name none."""
    if visit.services.provider is None:
        raise RequestRefused(Code.REQUEST_NOT_FOUND, "no identity provider is set up here")
    return visit.services.provider


def _fault(error: SignInRefused) -> Fault:
    kind = error.refusal.value
    return Fault(
        "signin", error.status, text(f"signing.provider.{kind}.title"), text(f"signing.provider.{kind}.advice"), ""
    )
