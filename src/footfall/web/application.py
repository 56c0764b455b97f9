"""Builds the application: the framework with its routes and guards, the dispatcher before it, CORS around both."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from litestar import HttpMethod, Litestar, Request, Response, route
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Guard

from footfall.accounts import has_scope
from footfall.errors import Code, RequestRefused
from footfall.settings import Settings
from footfall.validation import unknown_keys
from footfall.web.audited_calls import audited
from footfall.web.calls.request import JSON, QUERY_NAMES_MAX
from footfall.web.cors import CorsMiddleware
from footfall.web.dependencies import Parts, Services, SignIn
from footfall.web.dispatcher import Dispatcher
from footfall.web.errors import make_exception_handler
from footfall.web.forwarded import Forwarded
from footfall.web.openapi.document import Description
from footfall.web.openapi.manual import PAGES
from footfall.web.plan_body import PlanBody
from footfall.web.rechecking import rechecked
from footfall.web.route import PageRoute, Route
from footfall.web.routes import ROUTES

# Calls whose answers have every byte that clients from before footfall know. The others end with a newline.
_PUBLISHED = frozenset(entry.name for entry in ROUTES if entry.published)
# The one path that is a page for browsers and a call for programs.
ROOT = "/"
_PARAMETER = re.compile(r"\{(\w+)\}")


def build(parts: Parts, pages: Sequence[PageRoute] = ()) -> ASGIApp:
    """The ASGI application of the whole API, and of the pages for people."""
    settings, forwarded = parts.settings, parts.forwarded
    sign_in = SignIn(parts.accounts, parts.audit, forwarded)
    services = Services(
        **vars(parts),
        document=Description(parts.service, parts.plan, settings).document,
        plan_body=PlanBody(parts.plan, settings),
        home=next((page.answer for page in pages if page.path == ROOT), None),
    )
    further = [page for page in pages if page.path != ROOT]
    calls = Litestar(
        [
            *_options_handlers((*ROUTES, *further)),
            *(_route_handler(entry, sign_in, forwarded, settings) for entry in ROUTES),
            *map(_page_handler, further),
        ],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers={Exception: make_exception_handler(parts.refused, forwarded, _PUBLISHED, parts.audit)},
        request_max_body_size=settings.call_body_bytes_max,
        # The framework's own document would promise error bodies of its own.
        openapi_config=None,
        logging_config=None,
    )
    names = [*(entry.name for entry in ROUTES), *(page.name for page in further)]
    return CorsMiddleware(Dispatcher(calls, parts.collect, parts.requests, names), settings)


def _scope_guard(entry: Route) -> Guard:
    """A guard that refuses a key which is not for calls like this one; it follows the one that signs in."""

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if not has_scope(connection.scope["user"], entry.scopes):
            wanted = f"one with the scope {' or '.join(entry.scopes)}" if entry.scopes else "a password"
            text = f"the key is not for this call, which takes {wanted}"
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)

    return check


def _known_query_guard(entry: Route) -> Guard:
    """A guard that refuses unknown parameters of the query, which would have no effect."""
    known = tuple(PAGES[entry.method, entry.path].query)

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if found := unknown_keys(connection.query_params, known, QUERY_NAMES_MAX, kind="parameter"):
            problems = tuple(mistake.problem() for mistake in found)
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the request has unknown parameters", problems)

    return check


def _options_handlers(routes: Sequence[Route | PageRoute]) -> list[HTTPRouteHandler]:
    """Handlers of `OPTIONS`, which list all methods of a path; the framework's own list those of one of its calls.

    They are registered first, because the framework makes its own where none is.
    """
    methods: dict[str, set[str]] = {}
    for entry in routes:
        methods.setdefault(entry.path, {"OPTIONS"}).update({"GET", "HEAD"} if entry.method == "GET" else {entry.method})
    return [_options_handler(path, ", ".join(sorted(found))) for path, found in methods.items()]


def _options_handler(path: str, allowed: str) -> HTTPRouteHandler:
    async def list_methods() -> Response[None]:
        return Response(None, status_code=204, headers={"allow": allowed})

    typed = _PARAMETER.sub(r"{\1:str}", path)
    return route(typed, http_method=HttpMethod.OPTIONS, status_code=204)(list_methods)


def _same_origin_guard(forwarded: Forwarded) -> Guard:
    """A guard against cross-site request forgery: a page of another origin must send JSON with a change.

    A browser has the user's password. It sends a `POST` across origins without a preflight only when the body's type is
    a form's, plain text or none; before every `DELETE` and before JSON it asks. `Origin` and `Sec-Fetch-Site` say where
    the page is from.
    """

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != JSON and forwarded.is_cross_origin(connection.scope):
            text = f"a page of another origin must send Content-Type: {JSON} with a call that changes something"
            raise RequestRefused(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, text)

    return check


def _guards(entry: Route, sign_in: Guard, forwarded: Forwarded, settings: Settings) -> Iterator[Guard]:
    if entry.signed_in and not (entry.opened_by and getattr(settings, entry.opened_by)):
        yield sign_in
        yield _scope_guard(entry)
    if entry.changes:
        yield _same_origin_guard(forwarded)
    if entry.strict:
        yield _known_query_guard(entry)


async def _end_line(response: Response[Any]) -> Response[Any]:
    """End a JSON body with a newline, so that a terminal's prompt begins a line. Published calls promise every byte."""
    # A file is answered in another way.
    if isinstance(response, Response) and (response.media_type or JSON) == JSON and response.content != b"":
        content = response.content
        response.content = (content if isinstance(content, bytes) else msgspec.json.encode(content)) + b"\n"
        response.media_type = JSON
    return response


def _route_handler(entry: Route, sign_in: Guard, forwarded: Forwarded, settings: Settings) -> HTTPRouteHandler:
    # The dispatcher has turned every HEAD into a GET. It is named here so that `Allow` lists it.
    methods = [HttpMethod.GET, HttpMethod.HEAD] if entry.method == "GET" else [HttpMethod(entry.method)]
    handler = route(
        _PARAMETER.sub(r"{\1:str}", entry.path),
        http_method=methods,
        status_code=200,
        guards=list(_guards(entry, sign_in, forwarded, settings)),
        after_request=None if entry.published else _end_line,
    )
    return handler(audited(entry, rechecked(entry, entry.call)))


def _page_handler(page: PageRoute) -> HTTPRouteHandler:
    async def show(request: Request[Any, Any, Any]) -> Response[bytes]:
        answer: Response[bytes] = await page.answer(request)
        return answer

    methods = [HttpMethod.GET, HttpMethod.HEAD] if page.method == "GET" else [HttpMethod(page.method)]
    return route(_PARAMETER.sub(r"{\1:str}", page.path), http_method=methods, status_code=200)(show)
