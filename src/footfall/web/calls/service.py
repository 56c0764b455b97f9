"""The calls about the service itself: version, health, metrics, who is signed in, and the description of the API."""

import asyncio
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency

from footfall import validation
from footfall.errors import Code, RequestRefused
from footfall.metrics import render_metrics
from footfall.web.calls.downloads import is_unchanged
from footfall.web.calls.request import JSON, UNCACHED, SignedInRequest, is_for_people, unknown_query_warnings
from footfall.web.dependencies import Services
from footfall.web.openapi.page import PAGE_POLICY, render_page
from footfall.web.openapi.schemas import Health
from footfall.wire import AuthenticatedUser, ServiceAuthenticate, ServiceVersion, SystemVersion

# `Retry-After` in seconds of an unhealthy service, and of metrics that cannot be read.
RETRY_AFTER_S: Final = 5
# The name and version of Prometheus's text format; the framework adds the character set.
METRICS_MEDIA_TYPE: Final = "text/plain; version=0.0.4"


async def show_plan(request: SignedInRequest, services: NamedDependency[Services]) -> Response[bytes]:
    """The tracking plan in force; 304 where the client has it already."""
    body, etag = await asyncio.to_thread(services.plan_body.make, request.user)
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if is_unchanged(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, media_type=JSON, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


async def service_version(services: NamedDependency[Services]) -> Response[ServiceVersion]:
    return Response(ServiceVersion(services.service))


async def system_version(services: NamedDependency[Services]) -> Response[SystemVersion]:
    return Response(SystemVersion(services.service.version, services.service))


async def authenticate(request: SignedInRequest, services: NamedDependency[Services]) -> Response[ServiceAuthenticate]:
    headers = {**UNCACHED, **validation.warning_headers(unknown_query_warnings(request))}
    user = AuthenticatedUser(request.user.id, request.user.context, request.user.permissions)
    return Response(ServiceAuthenticate(ServiceVersion(services.service), user), headers=headers)


async def health(services: NamedDependency[Services]) -> Response[Health]:
    if not services.healthy():
        text = "events cannot be accepted at present"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
    return Response(Health(), headers=UNCACHED)


async def live(services: NamedDependency[Services]) -> Response[Health]:  # noqa: ARG001 - the framework's
    """That this process answers, which is all that is asked."""
    return Response(Health(), headers=UNCACHED)


async def ready(services: NamedDependency[Services]) -> Response[Health]:
    """Whether events can be accepted, and if not, why."""
    if reason := services.refusal():
        text = f"events are refused: {reason}"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
    return Response(Health(), headers=UNCACHED)


async def openapi(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Response[bytes]:
    """The OpenAPI document; its server is the URL that the request was sent to."""
    return Response(msgspec.json.encode(services.document(services.forwarded.base_url(request.scope))))


async def docs(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Response[bytes]:
    base_url = services.forwarded.base_url(request.scope)
    page = render_page(services.document(base_url), base_url)
    return Response(page.encode(), media_type="text/html", headers={"content-security-policy": PAGE_POLICY})


async def root(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Any:
    """The page for a browser, the way to the description for a program."""
    if services.home is not None and is_for_people(request):
        return await services.home(request)
    location = f"{services.forwarded.base_url(request.scope)}/docs"
    return Response(b"", status_code=307, media_type="text/plain", headers={"location": location, "vary": "Accept"})


async def show_metrics(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Response[str]:
    """The node's metrics: for everyone where `metrics_public` is set, else for admins and monitors."""
    if not (services.settings.metrics_public or request.user.admin or request.user.monitor):
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "the metrics are for admins and monitors only")
    try:
        text = render_metrics(await asyncio.to_thread(services.node_metrics.read))
    except OSError as error:
        why = f"the metrics cannot be read now: {error.strerror or error}"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, why, retry_after_s=RETRY_AFTER_S) from error
    return Response(text, media_type=METRICS_MEDIA_TYPE, headers=UNCACHED)
