"""Builds the application: the framework with its routes and guards, the dispatcher before it, CORS around both."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from litestar import HttpMethod, Litestar, Response, route
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Guard

from footfall.accounts import Accounts
from footfall.errors import Code, RequestRefused
from footfall.live import Live
from footfall.metrics import RequestMetrics
from footfall.plan import LivePlan
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports
from footfall.schedules import Schedules
from footfall.settings import Settings
from footfall.system.clock import Clock
from footfall.usage import Drawings, Usage
from footfall.validation import CodeLookup, unknown_keys
from footfall.web.calls.request import JSON, QUERY_NAMES_MAX
from footfall.web.cors import CorsMiddleware
from footfall.web.dependencies import Services, SignIn
from footfall.web.dispatcher import Dispatcher
from footfall.web.errors import make_exception_handler
from footfall.web.forwarded import Forwarded
from footfall.web.node_metrics import NodeMetrics
from footfall.web.openapi.document import Description
from footfall.web.openapi.manual import PAGES
from footfall.web.plan_body import PlanBody
from footfall.web.routes import ROUTES, Route
from footfall.wire import Service

# Calls whose answers have every byte that clients from before footfall know. The others end with a newline.
_PUBLISHED = frozenset(entry.name for entry in ROUTES if entry.published)
_PARAMETER = re.compile(r"\{(\w+)\}")


def build(
    *,
    settings: Settings,
    accounts: Accounts,
    reports: Reports,
    schedules: Schedules,
    estimates: Estimates,
    receipts: Receipts,
    usage: Usage,
    live: Live,
    codes: CodeLookup,
    plan: LivePlan,
    quarantine: Quarantine,
    collect: ASGIApp,
    service: Service,
    clock: Clock,
    node_metrics: NodeMetrics,
    refused: Counter[Code],
    requests: RequestMetrics,
    healthy: Callable[[], bool],
) -> ASGIApp:
    """The ASGI application of the whole API.

    `collect` answers `POST /events` alone. `healthy` says without waiting whether events can be accepted now. `refused`
    counts the refusals of all other calls, `requests` all requests but preflights. Raises ValueError when
    `trusted_proxies` is malformed.
    """
    forwarded = Forwarded(settings)
    sign_in = SignIn(accounts, forwarded)
    services = Services(
        settings=settings,
        reports=reports,
        schedules=schedules,
        estimates=estimates,
        receipts=receipts,
        usage=usage,
        drawings=Drawings(settings),
        live=live,
        codes=codes,
        quarantine=quarantine,
        forwarded=forwarded,
        clock=clock,
        service=service,
        collect=collect,
        node_metrics=node_metrics,
        healthy=healthy,
        document=Description(service, plan, settings).document,
        plan_body=PlanBody(plan, settings),
    )

    calls = Litestar(
        [*_options_handlers(ROUTES), *(_route_handler(entry, sign_in, forwarded, settings) for entry in ROUTES)],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers={Exception: make_exception_handler(refused, forwarded, _PUBLISHED)},
        request_max_body_size=settings.call_body_bytes_max,
        # The framework's own document would promise error bodies of its own.
        openapi_config=None,
        logging_config=None,
    )
    return CorsMiddleware(Dispatcher(calls, collect, requests, [entry.name for entry in ROUTES]), settings)


def _known_query_guard(entry: Route) -> Guard:
    """A guard that refuses unknown parameters of the query, which would have no effect."""
    known = tuple(PAGES[entry.method, entry.path].query)

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if found := unknown_keys(connection.query_params, known, QUERY_NAMES_MAX, kind="parameter"):
            problems = tuple(mistake.problem() for mistake in found)
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the request has unknown parameters", problems)

    return check


def _options_handlers(routes: Sequence[Route]) -> list[HTTPRouteHandler]:
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
    return handler(entry.call)
