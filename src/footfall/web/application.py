"""Puts the calls together: the framework with its routes and error handler, the entrance before it, CORS around all."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from litestar import HttpMethod, Litestar, Response, route
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Guard

from footfall.accounts import Accounts
from footfall.errors import Code, RequestRefused
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports
from footfall.schedules import Schedules
from footfall.settings import Settings
from footfall.system.clock import Clock
from footfall.usage import Usage
from footfall.validation import Codes, unknown_keys
from footfall.web.calls.request import JSON, QUERY_NAMES_MAX
from footfall.web.cors import Cors
from footfall.web.dependencies import Gauges, Services, SignIn
from footfall.web.dispatcher import Dispatcher
from footfall.web.errors import counting
from footfall.web.forwarded import Origins
from footfall.web.openapi.document import make_document
from footfall.web.openapi.manual import PAGES
from footfall.web.routes import ROUTES, Route
from footfall.wire import Service

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
    codes: Codes,
    quarantine: Quarantine,
    collect: ASGIApp,
    service: Service,
    clock: Clock,
    gauges: Gauges,
    refused: Counter[Code],
    healthy: Callable[[], bool],
) -> ASGIApp:
    """The ASGI application of the whole API.

    `collect` answers `POST /events`, and is called for nothing else. `healthy` says at once, without waiting for
    anything, whether events can be accepted now. What is refused is counted in `refused`. Raises ValueError when
    `trusted_proxies` cannot be read.
    """
    origins = Origins(settings)
    services = Services(
        settings=settings,
        reports=reports,
        schedules=schedules,
        estimates=estimates,
        receipts=receipts,
        usage=usage,
        codes=codes,
        quarantine=quarantine,
        origins=origins,
        clock=clock,
        service=service,
        collect=collect,
        gauges=gauges,
        healthy=healthy,
        document=make_document(ROUTES, service),
    )

    async def provide_services() -> Services:
        return services

    sign_in = SignIn(accounts, origins)
    calls = Litestar(
        [*_options(ROUTES), *(_handle(entry, sign_in, origins, settings) for entry in ROUTES)],
        dependencies={"services": Provide(provide_services)},
        exception_handlers={Exception: counting(refused)},
        request_max_body_size=settings.call_body_bytes_max,
        # The framework's own document would promise its own error bodies, which no call ever answers with.
        openapi_config=None,
        logging_config=None,
    )
    return Cors(Dispatcher(calls, collect), settings)


def _known_query(entry: Route) -> Guard:
    """A guard that refuses parameters of a query which the call does not have: what they say would be passed over."""
    known = tuple(PAGES[entry.method, entry.path].query)

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if found := unknown_keys(connection.query_params, known, QUERY_NAMES_MAX):
            problems = tuple(slip.problem() for slip in found)
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the request has unknown parameters", problems)

    return check


def _options(routes: Sequence[Route]) -> list[HTTPRouteHandler]:
    """What answers `OPTIONS`: with all methods of the path, where the framework would name those of one of its calls.

    They come first, lest the framework makes its own.
    """
    methods: dict[str, set[str]] = {}
    for entry in routes:
        methods.setdefault(entry.path, {"OPTIONS"}).update({"GET", "HEAD"} if entry.method == "GET" else {entry.method})
    return [_tell(path, ", ".join(sorted(found))) for path, found in methods.items()]


def _tell(path: str, allowed: str) -> HTTPRouteHandler:
    async def tell() -> Response[None]:
        return Response(None, status_code=204, headers={"allow": allowed})

    typed = _PARAMETER.sub(r"{\1:str}", path)
    return route(typed, http_method=HttpMethod.OPTIONS, status_code=204)(tell)


def _own_pages(origins: Origins) -> Guard:
    """A guard that refuses a change which a page of another site may have had a browser send, with its user's password.

    A browser sends `POST` across sites without asking first only where the type of the body is a form's, plain text or
    none; it asks for every `DELETE`, and for JSON. It says in `Origin` and `Sec-Fetch-Site` where the page is from.
    """

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != JSON and origins.is_foreign(connection.scope):
            text = f"a page of another origin must send Content-Type: {JSON} with a call that changes something"
            raise RequestRefused(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, text)

    return check


def _guards(entry: Route, sign_in: Guard, origins: Origins, settings: Settings) -> Iterator[Guard]:
    if entry.signed_in and not (entry.opened_by and getattr(settings, entry.opened_by)):
        yield sign_in
    if entry.changes:
        yield _own_pages(origins)
    if entry.strict:
        yield _known_query(entry)


def _handle(entry: Route, sign_in: Guard, origins: Origins, settings: Settings) -> HTTPRouteHandler:
    # The entrance has turned every HEAD into a GET by now; it is named here so that `Allow` lists it.
    methods = [HttpMethod.GET, HttpMethod.HEAD] if entry.method == "GET" else [HttpMethod(entry.method)]
    handler = route(
        _PARAMETER.sub(r"{\1:str}", entry.path),
        http_method=methods,
        status_code=200,
        guards=list(_guards(entry, sign_in, origins, settings)),
    )
    return handler(entry.call)
