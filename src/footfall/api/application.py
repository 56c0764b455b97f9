"""Puts the calls together: the framework with its routes and error handler, the entrance before it, CORS around all."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from litestar import HttpMethod, Litestar, route
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Guard

from footfall.accounts import Accounts
from footfall.api.authentication import SignIn
from footfall.api.cors import Cors
from footfall.api.document import make_document
from footfall.api.entrance import Entrance
from footfall.api.errors import counting
from footfall.api.gauges import Gauges
from footfall.api.manual import PAGES
from footfall.api.origins import Origins
from footfall.api.reporting import QUERY_NAMES_MAX
from footfall.api.rooms import Rooms
from footfall.api.routes import ROUTES, Route
from footfall.clock import Clock
from footfall.errors import Code, RequestRefused
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports
from footfall.schedules import Schedules
from footfall.settings import Settings
from footfall.slips import unknown_keys
from footfall.usage import Usage
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
    rooms = Rooms(
        settings=settings,
        reports=reports,
        schedules=schedules,
        estimates=estimates,
        receipts=receipts,
        usage=usage,
        quarantine=quarantine,
        origins=origins,
        clock=clock,
        service=service,
        collect=collect,
        gauges=gauges,
        healthy=healthy,
        document=make_document(ROUTES, service),
    )

    async def provide_rooms() -> Rooms:
        return rooms

    sign_in = SignIn(accounts, origins)
    calls = Litestar(
        [_handle(entry, sign_in, settings) for entry in ROUTES],
        dependencies={"rooms": Provide(provide_rooms)},
        exception_handlers={Exception: counting(refused)},
        request_max_body_size=settings.call_body_bytes_max,
        # The framework's own document would promise its own error bodies, which no call ever answers with.
        openapi_config=None,
        logging_config=None,
    )
    return Cors(Entrance(calls, collect), settings)


def _known_query(entry: Route) -> Guard:
    """A guard that refuses parameters of a query which the call does not have: what they say would be passed over."""
    known = tuple(PAGES[entry.method, entry.path].query)

    async def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if found := unknown_keys(connection.query_params, known, QUERY_NAMES_MAX):
            problems = tuple(slip.problem() for slip in found)
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the request has unknown parameters", problems)

    return check


def _handle(entry: Route, sign_in: Guard, settings: Settings) -> HTTPRouteHandler:
    # The entrance has turned every HEAD into a GET by now; it is named here so that `Allow` lists it.
    methods = [HttpMethod.GET, HttpMethod.HEAD] if entry.method == "GET" else [HttpMethod(entry.method)]
    opened = bool(entry.opened_by) and getattr(settings, entry.opened_by)
    handler = route(
        _PARAMETER.sub(r"{\1:str}", entry.path),
        http_method=methods,
        status_code=200,
        guards=[
            *([sign_in] if entry.signed_in and not opened else []),
            *([_known_query(entry)] if entry.strict else []),
        ],
    )
    return handler(entry.call)
