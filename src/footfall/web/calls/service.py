"""The calls about the service itself: what it is, whether it is well, who is asking, and how it is used."""

import asyncio
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from footfall import validation
from footfall.errors import Code, RequestRefused
from footfall.metrics import render_metrics
from footfall.state import User
from footfall.web.calls.reports import UNCACHED, strange_query
from footfall.web.dependencies import Services
from footfall.web.openapi.page import render_page
from footfall.web.openapi.schemas import Health
from footfall.wire import AuthenticatedUser, ServiceAuthenticate, ServiceVersion, SystemVersion

# The calls about the service itself: what it is, whether it is well, who is asking, and how it is used.


# The page needs nothing from anywhere, and says so to the browser.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Seconds after which another look at an unhealthy service makes sense.
_HEALTH_RETRY_S = 5


async def service_version(rooms: NamedDependency[Services]) -> Response[ServiceVersion]:
    return Response(ServiceVersion(rooms.service))


async def system_version(rooms: NamedDependency[Services]) -> Response[SystemVersion]:
    return Response(SystemVersion(rooms.service.version, rooms.service))


async def authenticate(
    request: Request[User, Any, Any], rooms: NamedDependency[Services]
) -> Response[ServiceAuthenticate]:
    headers = {**UNCACHED, **validation.warning_headers(strange_query(request))}
    user = AuthenticatedUser(request.user.id, request.user.context, request.user.permissions)
    return Response(ServiceAuthenticate(ServiceVersion(rooms.service), user), headers=headers)


async def health(rooms: NamedDependency[Services]) -> Response[Health]:
    if not rooms.healthy():
        raise RequestRefused(
            Code.SERVICE_UNAVAILABLE, "events cannot be accepted at present", retry_after_s=_HEALTH_RETRY_S
        )
    return Response(Health(), headers=UNCACHED)


async def openapi(request: Request[Any, Any, Any], rooms: NamedDependency[Services]) -> Response[bytes]:
    """The document, with the URL under which it was asked for as the server's."""
    servers = [{"url": rooms.origins.base_url(request.scope)}]
    return Response(msgspec.json.encode({**rooms.document, "servers": servers}))


async def docs(request: Request[Any, Any, Any], rooms: NamedDependency[Services]) -> Response[bytes]:
    page = render_page(rooms.document, rooms.origins.base_url(request.scope))
    return Response(page.encode(), media_type="text/html", headers={"content-security-policy": _PAGE_POLICY})


async def root(request: Request[Any, Any, Any], rooms: NamedDependency[Services]) -> Response[bytes]:
    location = f"{rooms.origins.base_url(request.scope)}/docs"
    return Response(b"", status_code=307, media_type="text/plain", headers={"location": location})


# The call that Prometheus makes.


# Seconds after which a disk or a process that kept the metrics may give them.
RETRY_AFTER_S: Final = 5
# The name and version of Prometheus's text format; the framework adds the character set.
TEXT: Final = "text/plain; version=0.0.4"


async def show_metrics(request: Request[Any, Any, Any], rooms: NamedDependency[Services]) -> Response[str]:
    """For anyone where the settings say so, else for admins."""
    if not rooms.settings.metrics_public and not request.user.admin:
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "the metrics are for admins only")
    try:
        text = render_metrics(await asyncio.to_thread(rooms.gauges.read))
    except OSError as error:
        why = f"the metrics cannot be read now: {error.strerror or error}"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, why, retry_after_s=RETRY_AFTER_S) from error
    return Response(text, media_type=TEXT, headers=UNCACHED)
