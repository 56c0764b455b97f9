"""Serves a request for a page: session, rights, the view, and the answer with its headers."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

from litestar import Request, Response
from litestar.datastructures import Cookie

from footfall.accounts import is_token, new_token, rights_of
from footfall.dashboard.assets import Assets, compress
from footfall.dashboard.auditing import note_denied_page, record_page
from footfall.dashboard.cookies import CookieKind, read_cookies, theme_of
from footfall.dashboard.form import FormExpired, is_ours, masked_token, read_form
from footfall.dashboard.refusals import explain
from footfall.dashboard.rendering import Renderer
from footfall.dashboard.visit import PageEntry, Redirect, Rendered, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.web import RECHECKED_AFTER_S, Parts, while_awaited

# Statuses from which on a page tells of a fault: what its form asked for was not done.
FAULT: Final = 400
SIGN_IN: Final = "/dashboard/sign-in"
# What a page may do: it loads from this service alone, runs no script and no style that stands in it, and stands in no
# frame. The form's own origin travels with a POST, which no other site learns.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "vary": "Accept, Accept-Encoding, Cookie",
}


class Server:
    """Answers the requests for all pages."""

    def __init__(self, services: Parts, pages: Sequence[PageEntry], assets: Assets) -> None:
        self._services = services
        self._renderer = Renderer(pages, assets)
        self._paths = frozenset(page.path for page in pages)

    async def answer(self, page: PageEntry, request: Request[Any, Any, Any]) -> Any:
        """The answer to a request for a page: whatever happens, in words."""
        visit = self._visit(page, request)
        try:
            # A question whose page nobody waits for any more is given up.
            shown = await (while_awaited(request, self._show(visit)) if page.method == "GET" else self._show(visit))
        except Exception as error:  # noqa: BLE001 - the edge of a request: it is told in words, and logged
            note_denied_page(visit, error)
            shown = explain(visit, error)
        try:
            return await self._respond(visit, shown)
        except Exception as error:  # noqa: BLE001 - a template's fault, told in words too
            return await self._respond(visit, explain(visit, error))

    def _visit(self, page: PageEntry, request: Request[Any, Any, Any]) -> Visit:
        base_url = self._services.forwarded.base_url(request.scope)
        cookies = read_cookies(request.headers.get("cookie", ""))
        token = cookies.get(CookieKind.at(base_url).session, "")
        return Visit(
            services=self._services,
            request=request,
            page=page,
            asked_ms=self._services.clock.now_ms(),
            begun_s=time.monotonic(),
            root=urlsplit(base_url).path,
            base_url=base_url,
            token=token if is_token(token) else "",
            theme=theme_of(cookies),
            policy=POLICY,
            page_paths=self._paths,
        )

    async def _show(self, visit: Visit) -> Shown:
        visit.signed_in = await self._services.sessions.find(visit.token)
        page = visit.page
        if page.method == "POST":
            await self._read_form(visit)
            # A form may take its time: who sends it, and with which rights, counts once all of it is here.
            visit.signed_in = await self._services.sessions.find(visit.token)
        if visit.signed_in is None and not page.public:
            return _to_sign_in(visit)
        if visit.signed_in is not None and not page.may_open(visit.user):
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "this page is for admins")
        shown = await page.view(visit)
        if page.method == "GET" and not page.public and time.monotonic() - visit.begun_s >= RECHECKED_AFTER_S:
            shown = await self._recheck(visit, shown)
        if not (isinstance(shown, Rendered) and shown.status >= FAULT):
            await record_page(visit)
        return shown

    async def _recheck(self, visit: Visit, shown: Shown) -> Shown:
        """A page that took its time, if it is still for who asked; else the sign-in, or the page again."""
        now = await self._services.sessions.find(visit.token)
        if now is None:
            return _to_sign_in(visit)
        same = rights_of(now.user) == rights_of(visit.user)
        return shown if same else Redirect(str(visit.address).removeprefix(visit.root))

    async def _read_form(self, visit: Visit) -> None:
        """Read the form. Raises RequestRefused when a page of another site may have sent it."""
        if self._services.forwarded.is_cross_origin(visit.request.scope):
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "a page of another site sent this form")
        visit.form = await read_form(visit.request, self._services.settings)
        if not is_ours(visit.form, visit.token):
            raise FormExpired

    async def _respond(self, visit: Visit, shown: Shown) -> Any:
        if not isinstance(shown, (Rendered, Redirect)):
            return shown
        if isinstance(shown, Redirect):
            headers = {**HEADERS, "location": shown.to if shown.outside else visit.path(shown.to)}
            response = Response(b"", status_code=303, media_type="text/plain", headers=headers)
        else:
            if not visit.token and visit.new_token is None and not shown.formless:
                # A form of somebody who is not signed in needs a token too.
                visit.new_token = new_token()
            # On a thread of its own: events are taken meanwhile.
            response = await asyncio.to_thread(self._page, visit, shown)
        response.cookies.extend(self._cookies(visit))
        return response

    def _page(self, visit: Visit, shown: Rendered) -> Response[bytes]:
        token = visit.token if visit.new_token is None else visit.new_token
        page = self._renderer.render(visit, shown, "" if shown.formless else masked_token(token))
        content, encoding = compress(page.encode(), visit.request.headers.get("accept-encoding", ""))
        headers = {**HEADERS, **shown.headers, "content-encoding": encoding}
        headers = {name: value for name, value in headers.items() if value}
        return Response(content, status_code=shown.status, media_type="text/html", headers=headers)

    def _cookies(self, visit: Visit) -> Iterator[Cookie]:
        kind = CookieKind.at(visit.base_url)
        if visit.new_token is not None:
            age_s = self._services.settings.session_age_max_s
            yield kind.keep_session(visit.new_token, age_s) if visit.new_token else kind.drop_session()
        yield from visit.cookies


def _to_sign_in(visit: Visit) -> Redirect:
    asked = str(visit.address) if visit.page.method == "GET" else ""
    return Redirect(f"{SIGN_IN}?next={quote(asked, safe='')}" if asked not in ("", f"{visit.root}/") else SIGN_IN)
