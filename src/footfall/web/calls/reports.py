"""The calls about reports, schedules and counts."""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.exceptions.http_exceptions import InternalServerException, RequestEntityTooLarge
from litestar.params import PathParameter

from footfall import reports, validation
from footfall.errors import Code, Problem, RequestRefused
from footfall.reports import Estimate
from footfall.schedules import ScheduleShown, SchedulesPage
from footfall.settings import Settings
from footfall.state import Job, User
from footfall.usage import Counts, parse_counts_request
from footfall.web.dependencies import Services
from footfall.wire import ReportLink, ReportStatus

# Which of the media types on offer an `Accept` header asks for (RFC 9110, section 12.5.1).


# Elements part at commas, their parameters at semicolons, but not at those within a quoted string. A string that is
# never closed reaches to the end, so that nothing is ever scanned twice.
_STRING = r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)'
_ELEMENT = re.compile(rf'(?:[^,"]|{_STRING})+', re.DOTALL)
_PARAMETER = re.compile(rf'(?:[^;"]|{_STRING})+', re.DOTALL)
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class _Range(NamedTuple):
    main: str
    sub: str
    quality: float

    def matches(self, offer: str) -> bool:
        main, _, sub = offer.partition("/")
        return self.main in ("*", main) and self.sub in ("*", sub)

    @property
    def precision(self) -> int:
        return (self.main != "*") + (self.sub != "*")


def choose_media_type(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that the header prefers, or None when it accepts none of them.

    Without a header everything is welcome. The higher quality wins, then the more precise wish (`text/csv` is one for
    CSV, `*/*` is none for anything), then the order of the offers. Elements that cannot be read are passed over.
    """
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [found for element in _ELEMENT.findall(accept) if (found := _parse(element)) is not None]
    ranked = [(_rank(offer, ranges), -place, offer) for place, offer in enumerate(offers)]
    (quality, _), _, best = max(ranked)
    return best if quality > 0 else None


def _rank(offer: str, ranges: Sequence[_Range]) -> tuple[float, int]:
    """Quality and precision of the most precise range that matches the offer, for that range alone counts."""
    essence = offer.partition(";")[0].strip().lower()
    matching = [found for found in ranges if found.matches(essence)]
    if not matching:
        return 0, 0
    precision = max(found.precision for found in matching)
    return max(found.quality for found in matching if found.precision == precision), precision


def _parse(element: str) -> _Range | None:
    essence, *parameters = _PARAMETER.findall(element) or [""]
    main, slash, sub = essence.strip().lower().partition("/")
    if not (main and slash and sub) or (main == "*" and sub != "*"):
        return None
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            if not _QUALITY.fullmatch(value.strip()):
                return None
            quality = float(value)
    return _Range(main, sub, quality)


# The calls about reports: start one, list them, ask how far one is, get its file's link and manifest, end it.


JSON = "application/json"
# Statuses change and links are keys: neither may be kept by anyone on the way.
UNCACHED = {"cache-control": "no-store"}
# Names of a query that are told to be unknown: a client's author needs the first few.
QUERY_NAMES_MAX = 10

Source = Annotated[str, PathParameter(description="The report's `source`, as its status names it.")]
Call = Request[User, Any, Any]


async def start_report(request: Call, rooms: NamedDependency[Services]) -> Response[ReportStatus]:
    body = await read_json(request, rooms.settings)
    return _status(request, await rooms.reports.start(request.user, body), rooms)


async def estimate_report(request: Call, rooms: NamedDependency[Services]) -> Response[Estimate]:
    body = await read_json(request, rooms.settings)
    return Response(await rooms.estimates.estimate(request.user, body), status_code=200, headers=UNCACHED)


async def list_reports(request: Call, rooms: NamedDependency[Services]) -> Response[list[ReportStatus]]:
    given = request.query_params.dict()
    listed = await rooms.reports.list(request.user, given)
    headers = dict(UNCACHED)
    if listed.next is not None:
        kept = {"limit": given["limit"][-1]} if given.get("limit") else {}
        query = urlencode({**kept, "before": listed.next})
        headers["link"] = f'<{rooms.origins.base_url(request.scope)}/reports?{query}>; rel="next"'
    return Response([reports.report_status(job) for job in listed.jobs], headers=headers)


async def end_report(request: Call, rooms: NamedDependency[Services], source: Source) -> Response[ReportStatus]:
    return _status(request, await rooms.reports.end(request.user, source), rooms)


async def show_manifest(request: Call, rooms: NamedDependency[Services], source: Source) -> Response[bytes]:
    text, etag = rooms.reports.manifest(await rooms.reports.find(request.user, source))
    # As bytes, and with the type as it is, lest the framework names a charset.
    return Response(text.encode(), media_type=JSON, headers={**UNCACHED, "etag": etag})


async def check_report(request: Call, rooms: NamedDependency[Services], source: Source) -> Response[ReportStatus]:
    return _status(request, await rooms.reports.find(request.user, source), rooms)


async def link_report(request: Call, rooms: NamedDependency[Services], source: Source) -> Response[Any]:
    job = await rooms.reports.find(request.user, source)
    offers = (JSON, reports.media_type(job))
    chosen = choose_media_type(",".join(request.headers.getall("accept", [])), offers)
    if chosen is None:
        raise RequestRefused(Code.REQUEST_NOT_ACCEPTABLE, f"Accept must allow {offers[0]} or {offers[1]}")
    link = await rooms.reports.link(request.user, job, rooms.origins.base_url(request.scope))
    headers = {**UNCACHED, "vary": "Accept", **validation.warning_headers(strange_query(request))}
    if chosen == JSON:
        return Response(ReportLink(link), headers=headers)
    return Response(b"", status_code=307, media_type="text/plain", headers={**headers, "location": link})


def strange_query(request: Request[Any, Any, Any]) -> list[str]:
    """Warnings of the query of a published call, none of which has parameters."""
    return [slip.text for slip in validation.unknown_keys(request.query_params, (), QUERY_NAMES_MAX)]


def _status(request: Call, job: Job, rooms: Services) -> Response[ReportStatus]:
    headers = {**UNCACHED, **reports.status_headers(job, rooms.clock.now_ms(), strange_query(request))}
    return Response(reports.report_status(job), status_code=200, headers=headers)


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


# The calls about schedules: make one, list, show, pause, resume and remove them.


Id = Annotated[str, PathParameter(description="The schedule's `id`.")]


async def add_schedule(request: Call, rooms: NamedDependency[Services]) -> Response[ScheduleShown]:
    body = await read_json(request, rooms.settings)
    return _answer(await asyncio.to_thread(rooms.schedules.add, request.user, body))


async def list_schedules(request: Call, rooms: NamedDependency[Services]) -> Response[SchedulesPage]:
    after = request.query_params.get("after", "")
    if not (after.isascii() and (after.isprintable() or not after)):
        code = Code.REQUEST_PARAMETER_MALFORMED
        problem = Problem(code, "after", "must be the `next` of the page before")
        raise RequestRefused(code, "the request cannot be read: one thing is wrong", (problem,))
    page = await asyncio.to_thread(rooms.schedules.page, request.user, after)
    return Response(page, headers=UNCACHED)


async def show_schedule(request: Call, rooms: NamedDependency[Services], schedule: Id) -> Response[ScheduleShown]:
    return _answer(await asyncio.to_thread(rooms.schedules.find, request.user, schedule))


async def remove_schedule(request: Call, rooms: NamedDependency[Services], schedule: Id) -> Response[ScheduleShown]:
    return _answer(await asyncio.to_thread(rooms.schedules.remove, request.user, schedule))


async def pause_schedule(request: Call, rooms: NamedDependency[Services], schedule: Id) -> Response[ScheduleShown]:
    return _answer(await asyncio.to_thread(rooms.schedules.pause, request.user, schedule))


async def resume_schedule(request: Call, rooms: NamedDependency[Services], schedule: Id) -> Response[ScheduleShown]:
    return _answer(await asyncio.to_thread(rooms.schedules.resume, request.user, schedule))


def _answer(shown: ScheduleShown) -> Response[ScheduleShown]:
    return Response(shown, status_code=200, headers=UNCACHED)


# The call that counts.


async def count_events(request: Request[User, Any, Any], rooms: NamedDependency[Services]) -> Response[Counts]:
    given = request.query_params
    wanted = parse_counts_request({name: given.getall(name) for name in given}, rooms.settings)
    counts = await rooms.usage.count(request.user, wanted)
    strange = await rooms.codes.look(wanted.customer, wanted.product, wanted.types)
    return Response(counts, headers={**UNCACHED, **validation.warning_headers(slip.text for slip in strange)})
