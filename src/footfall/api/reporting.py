"""The calls about reports: start one, list them, ask how far one is, get its file's link and manifest, end it."""

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.exceptions.http_exceptions import InternalServerException, RequestEntityTooLarge
from litestar.params import PathParameter

from footfall import reports, slips
from footfall.api.negotiation import choose
from footfall.api.rooms import Rooms
from footfall.errors import Code, RequestRefused
from footfall.reports import Estimate
from footfall.settings import Settings
from footfall.state import Job, User
from footfall.wire import ReportLink, ReportStatus

JSON = "application/json"
# Statuses change and links are keys: neither may be kept by anyone on the way.
UNCACHED = {"cache-control": "no-store"}
# Names of a query that are told to be unknown: a client's author needs the first few.
QUERY_NAMES_MAX = 10

Source = Annotated[str, PathParameter(description="The report's `source`, as its status names it.")]
Call = Request[User, Any, Any]


async def start_report(request: Call, rooms: NamedDependency[Rooms]) -> Response[ReportStatus]:
    body = await read_json(request, rooms.settings)
    return _status(request, await rooms.reports.start(request.user, body), rooms)


async def estimate_report(request: Call, rooms: NamedDependency[Rooms]) -> Response[Estimate]:
    body = await read_json(request, rooms.settings)
    return Response(await rooms.estimates.estimate(request.user, body), status_code=200, headers=UNCACHED)


async def list_reports(request: Call, rooms: NamedDependency[Rooms]) -> Response[list[ReportStatus]]:
    given = request.query_params.dict()
    listed = await rooms.reports.list(request.user, given)
    headers = dict(UNCACHED)
    if listed.next is not None:
        kept = {"limit": given["limit"][-1]} if given.get("limit") else {}
        query = urlencode({**kept, "before": listed.next})
        headers["link"] = f'<{rooms.origins.base_url(request.scope)}/reports?{query}>; rel="next"'
    return Response([reports.status(job) for job in listed.jobs], headers=headers)


async def end_report(request: Call, rooms: NamedDependency[Rooms], source: Source) -> Response[ReportStatus]:
    return _status(request, await rooms.reports.end(request.user, source), rooms)


async def show_manifest(request: Call, rooms: NamedDependency[Rooms], source: Source) -> Response[bytes]:
    text, etag = rooms.reports.manifest(await rooms.reports.find(request.user, source))
    # As bytes, and with the type as it is, lest the framework names a charset.
    return Response(text.encode(), media_type=JSON, headers={**UNCACHED, "etag": etag})


async def check_report(request: Call, rooms: NamedDependency[Rooms], source: Source) -> Response[ReportStatus]:
    return _status(request, await rooms.reports.find(request.user, source), rooms)


async def link_report(request: Call, rooms: NamedDependency[Rooms], source: Source) -> Response[Any]:
    job = await rooms.reports.find(request.user, source)
    offers = (JSON, reports.media_type(job))
    chosen = choose(",".join(request.headers.getall("accept", [])), offers)
    if chosen is None:
        raise RequestRefused(Code.REQUEST_NOT_ACCEPTABLE, f"Accept must allow {offers[0]} or {offers[1]}")
    link = await rooms.reports.link(request.user, job, rooms.origins.base_url(request.scope))
    headers = {**UNCACHED, "vary": "Accept", **slips.headers(strange_query(request))}
    if chosen == JSON:
        return Response(ReportLink(link), headers=headers)
    return Response(b"", status_code=307, media_type="text/plain", headers={**headers, "location": link})


def strange_query(request: Request[Any, Any, Any]) -> list[str]:
    """Warnings of the query of a published call, none of which has parameters."""
    return [slip.text for slip in slips.unknown_keys(request.query_params, (), QUERY_NAMES_MAX)]


def _status(request: Call, job: Job, rooms: Rooms) -> Response[ReportStatus]:
    headers = {**UNCACHED, **reports.headers(job, rooms.clock.now_ms(), strange_query(request))}
    return Response(reports.status(job), status_code=200, headers=headers)


async def read_json(request: Call, settings: Settings) -> bytes:
    """The body of a call that takes JSON, whole. Raises RequestRefused for another type, or over the bounds."""
    _require_json(request)
    return await _read(request, settings.body_timeout_s, settings.call_body_bytes_max)


def _require_json(request: Call) -> None:
    """Refuse what `start` could only misread. Without a type, the body is taken for what it must be."""
    media_type, parameters = request.content_type
    charset = parameters.get("charset", "utf-8").strip('"').lower()
    if media_type not in ("", JSON) or charset not in ("utf-8", "utf8"):
        raise RequestRefused(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be {JSON}, in UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestRefused(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, "the body of this call must not be compressed")


async def _read(request: Call, timeout_s: int, bytes_max: int) -> bytes:
    """The body, whole; refused when it is larger than `bytes_max` or takes longer than `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            return await request.body()
    except TimeoutError as error:
        message = f"the body did not arrive within {timeout_s} seconds"
        raise RequestRefused(Code.REQUEST_TIMED_OUT, message) from error
    except RequestEntityTooLarge as error:
        raise RequestRefused(Code.REQUEST_TOO_LARGE, f"the body is larger than {bytes_max} bytes") from error
    except InternalServerException as error:
        # The framework's word for a client that went away: no fault of the service, and nobody reads the answer.
        raise RequestRefused(Code.REQUEST_TIMED_OUT, "the body broke off") from error
