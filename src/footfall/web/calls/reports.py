"""The calls about reports (start, list, follow, link, manifest, end) and about the schedules that start them."""

import asyncio
from functools import partial
from typing import Annotated, Any, cast
from urllib.parse import urlencode

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import PathParameter

from footfall import reports, validation
from footfall.errors import Code, Problem, RequestRefused
from footfall.reports import WAIT_PARAMETER, Estimate, ListedReport, parse_wait
from footfall.schedules import ScheduleShown, SchedulesPage
from footfall.state import Job, JobStatus
from footfall.web.asgi import ANSWER_NOW
from footfall.web.calls.request import (
    JSON,
    UNCACHED,
    SignedInRequest,
    choose_media_type,
    read_json,
    unknown_query_warnings,
)
from footfall.web.dependencies import Services
from footfall.wire import ReportLink, ReportStatus

ScheduleId = Annotated[str, PathParameter(description="The schedule's `id`.")]
Source = Annotated[str, PathParameter(description="The report's `source`, as its status names it.")]


async def start_report(request: SignedInRequest, services: NamedDependency[Services]) -> Response[ReportStatus]:
    body = await _read_body(request, services)
    return _status_response(request, await services.reports.start(request.user, body), services)


async def estimate_report(request: SignedInRequest, services: NamedDependency[Services]) -> Response[Estimate]:
    body = await _read_body(request, services)
    return Response(await services.estimates.estimate(request.user, body), status_code=200, headers=UNCACHED)


async def _read_body(request: SignedInRequest, services: Services, *, timeless: bool = False) -> bytes:
    """The body, with the selection of the view that it names."""
    body = await read_json(request, services)
    if b'"view"' not in body:
        return body
    return await asyncio.to_thread(partial(services.views.fill_report, request.user, body, timeless=timeless))


async def list_reports(request: SignedInRequest, services: NamedDependency[Services]) -> Response[list[ListedReport]]:
    given = request.query_params.dict()
    listed = await services.reports.list(request.user, given)
    headers = dict(UNCACHED)
    if listed.next is not None:
        kept = {"limit": given["limit"][-1]} if given.get("limit") else {}
        query = urlencode({**kept, "before": listed.next})
        headers["link"] = f'<{services.forwarded.base_url(request.scope)}/reports?{query}>; rel="next"'
    return Response([reports.listed_report(job) for job in listed.jobs], headers=headers)


async def end_report(
    request: SignedInRequest, services: NamedDependency[Services], source: Source
) -> Response[ReportStatus]:
    return _status_response(request, await services.reports.end(request.user, source), services)


async def show_manifest(
    request: SignedInRequest, services: NamedDependency[Services], source: Source
) -> Response[bytes]:
    text, etag = services.reports.manifest(await services.reports.find(request.user, source))
    # As bytes: to a text the framework would add a charset.
    return Response(text.encode(), media_type=JSON, headers={**UNCACHED, "etag": etag})


async def check_report(
    request: SignedInRequest, services: NamedDependency[Services], source: Source
) -> Response[ReportStatus]:
    job, applied = await _wait(request, services, source, await services.reports.find(request.user, source))
    response = _status_response(request, job, services, WAIT_PARAMETER)
    response.headers.update(applied)
    return response


async def link_report(request: SignedInRequest, services: NamedDependency[Services], source: Source) -> Response[Any]:
    job = await services.reports.find(request.user, source)
    offers = (JSON, reports.media_type(job))
    chosen = choose_media_type(",".join(request.headers.getall("accept", [])), offers)
    if chosen is None:
        raise RequestRefused(Code.REQUEST_NOT_ACCEPTABLE, f"Accept must allow {offers[0]} or {offers[1]}")
    job, applied = await _wait(request, services, source, job)
    link = await services.reports.link(request.user, job, services.forwarded.base_url(request.scope))
    warnings = validation.warning_headers(unknown_query_warnings(request, WAIT_PARAMETER))
    headers = {**UNCACHED, "vary": "Accept", **warnings, **applied}
    if chosen == JSON:
        return Response(ReportLink(link), headers=headers)
    return Response(b"", status_code=307, media_type="text/plain", headers={**headers, "location": link})


async def _wait(request: SignedInRequest, services: Services, source: str, job: Job) -> tuple[Job, dict[str, str]]:
    """The report once it has ended, or as it is after the wait that was asked for; and a header that tells the wait.

    Whoever waited has the rights of now. Raises Unauthenticated when there are none any more.
    """
    most_s = services.settings.report_wait_max_s
    wanted = parse_wait(request.query_params.dict(), request.headers.getall("prefer", []), most_s)
    if wanted.seconds and job.status is JobStatus.RUNNING:
        answer_now = cast("asyncio.Event | None", request.scope.get(ANSWER_NOW))
        await services.reports.wait(request.user, job, wanted.seconds, answer_now)
        request.scope["user"] = await services.accounts.renew(request.user)
        job = await services.reports.find(request.user, source)
    return job, {"preference-applied": f"wait={wanted.seconds}"} if wanted.is_preference else {}


def _status_response(request: SignedInRequest, job: Job, services: Services, *known: str) -> Response[ReportStatus]:
    warnings = unknown_query_warnings(request, *known)
    headers = {**UNCACHED, **reports.status_headers(job, services.clock.now_ms(), warnings)}
    return Response(reports.report_status(job), status_code=200, headers=headers)


async def add_schedule(request: SignedInRequest, services: NamedDependency[Services]) -> Response[ScheduleShown]:
    body = await _read_body(request, services, timeless=True)
    return _schedule_response(await asyncio.to_thread(services.schedules.add, request.user, body))


async def list_schedules(request: SignedInRequest, services: NamedDependency[Services]) -> Response[SchedulesPage]:
    after = request.query_params.get("after", "")
    if not (after.isascii() and (after.isprintable() or not after)):
        code = Code.REQUEST_PARAMETER_MALFORMED
        problem = Problem(code, "after", "must be the `next` of the page before")
        raise RequestRefused(code, "the request cannot be read: one thing is wrong", (problem,))
    page = await asyncio.to_thread(services.schedules.page, request.user, after)
    return Response(page, headers=UNCACHED)


async def show_schedule(
    request: SignedInRequest, services: NamedDependency[Services], schedule: ScheduleId
) -> Response[ScheduleShown]:
    return _schedule_response(await asyncio.to_thread(services.schedules.find, request.user, schedule))


async def remove_schedule(
    request: SignedInRequest, services: NamedDependency[Services], schedule: ScheduleId
) -> Response[ScheduleShown]:
    return _schedule_response(await asyncio.to_thread(services.schedules.remove, request.user, schedule))


async def pause_schedule(
    request: SignedInRequest, services: NamedDependency[Services], schedule: ScheduleId
) -> Response[ScheduleShown]:
    return _schedule_response(await asyncio.to_thread(services.schedules.pause, request.user, schedule))


async def resume_schedule(
    request: SignedInRequest, services: NamedDependency[Services], schedule: ScheduleId
) -> Response[ScheduleShown]:
    return _schedule_response(await asyncio.to_thread(services.schedules.resume, request.user, schedule))


def _schedule_response(shown: ScheduleShown) -> Response[ScheduleShown]:
    return Response(shown, status_code=200, headers=UNCACHED)
