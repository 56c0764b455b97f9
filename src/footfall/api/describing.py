"""The calls about the service itself: what it is, whether it is well, who is asking, and how it is used."""

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from footfall import slips
from footfall.api.page import render
from footfall.api.reporting import UNCACHED, strange_query
from footfall.api.rooms import Rooms
from footfall.api.shapes import Health
from footfall.errors import Code, RequestRefused
from footfall.state import User
from footfall.wire import AuthenticatedUser, ServiceAuthenticate, ServiceVersion, SystemVersion

# The page needs nothing from anywhere, and says so to the browser.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Seconds after which another look at an unhealthy service makes sense.
_HEALTH_RETRY_S = 5


async def service_version(rooms: NamedDependency[Rooms]) -> Response[ServiceVersion]:
    return Response(ServiceVersion(rooms.service))


async def system_version(rooms: NamedDependency[Rooms]) -> Response[SystemVersion]:
    return Response(SystemVersion(rooms.service.version, rooms.service))


async def authenticate(
    request: Request[User, Any, Any], rooms: NamedDependency[Rooms]
) -> Response[ServiceAuthenticate]:
    headers = {**UNCACHED, **slips.headers(strange_query(request))}
    user = AuthenticatedUser(request.user.id, request.user.context, request.user.permissions)
    return Response(ServiceAuthenticate(ServiceVersion(rooms.service), user), headers=headers)


async def health(rooms: NamedDependency[Rooms]) -> Response[Health]:
    if not rooms.healthy():
        raise RequestRefused(
            Code.SERVICE_UNAVAILABLE, "events cannot be accepted at present", retry_after_s=_HEALTH_RETRY_S
        )
    return Response(Health(), headers=UNCACHED)


async def openapi(request: Request[Any, Any, Any], rooms: NamedDependency[Rooms]) -> Response[bytes]:
    """The document, with the URL under which it was asked for as the server's."""
    servers = [{"url": rooms.origins.base_url(request.scope)}]
    return Response(msgspec.json.encode({**rooms.document, "servers": servers}))


async def docs(request: Request[Any, Any, Any], rooms: NamedDependency[Rooms]) -> Response[bytes]:
    page = render(rooms.document, rooms.origins.base_url(request.scope))
    return Response(page.encode(), media_type="text/html", headers={"content-security-policy": _PAGE_POLICY})


async def root(request: Request[Any, Any, Any], rooms: NamedDependency[Rooms]) -> Response[bytes]:
    location = f"{rooms.origins.base_url(request.scope)}/docs"
    return Response(b"", status_code=307, media_type="text/plain", headers={"location": location})
