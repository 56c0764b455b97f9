"""The calls under `/usage/`: each statistic, in the format that the client prefers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.di import NamedDependency

from footfall import usage, validation
from footfall.errors import Code, Problem, RequestRefused
from footfall.usage import DEFINITIONS, Answer, Definition, EventSelection
from footfall.validation import AskedCodes
from footfall.web.calls.request import JSON, UNCACHED, SignedInRequest, choose_media_type, while_awaited
from footfall.web.dependencies import Parts, Services

# The calls under `/usage/`, and what the table of routes says of each.
SUMMARIES: Final[Mapping[str, str]] = {
    "counts": "Count Events",
    "uniques": "Count Distinct Actors",
    "retention": "Count Returning Actors",
    "funnel": "Count Steps Taken",
    "paths": "List Paths",
    "top": "List Top Values",
    "compare": "Compare Periods",
    "summary": "Summarise Usage",
    "events": "List Events",
    "types": "List Types",
}
# The media types of the formats, by the names of the parameter `format`. To a text the framework adds the charset.
FORMATS: Final[Mapping[str, str]] = {
    "json": JSON,
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "vega": "application/vnd.vegalite.v5+json",
    "svg": "image/svg+xml",
    "png": "image/png",
}
# Calls whose answers have no chart, and the formats that they have.
_CHARTLESS: Final = ("events",)
_WITHOUT_CHART: Final = ("json", "csv", "arrow")


def statistic(name: str) -> Callable[..., Awaitable[Any]]:
    """The handler of `GET /usage/NAME`."""

    async def answer(request: SignedInRequest, services: NamedDependency[Services]) -> Response[Answer]:
        """Answer; names that neither the plan nor the store knows become a warning."""
        given = {key: request.query_params.getall(key) for key in request.query_params}
        wanted = _choose_format(name, given.pop("format", []), request)
        safe = _read_flag("spreadsheetSafe", given.pop("spreadsheetSafe", []))
        given = await asyncio.to_thread(services.views.fill, request.user, given) if "view" in given else given
        # On a thread: a plan may have ten thousand types with dozens of keys each.
        question = await asyncio.to_thread(services.usage.parse, name, given)
        found = await while_awaited(request, services.usage.ask(request.user, question))
        warnings = await _unknown_codes(services, question.selection)
        headers = {**UNCACHED, "vary": "Accept", **validation.warning_headers(warnings)}
        if wanted == "json":
            return Response(found, headers=headers)
        timezone = (given.get("timezone") or ["UTC"])[0]
        body = await write_answer(services, name, found, wanted, timezone or "UTC", safe=safe)
        file = f'inline; filename="{name}.{"vl.json" if wanted == "vega" else wanted}"'
        return Response(body, media_type=FORMATS[wanted], headers={**headers, "content-disposition": file})  # type: ignore[arg-type]

    answer.__name__ = f"show_{name}" if name != "counts" else "count_events"
    return answer


async def show_definitions() -> Response[tuple[Definition, ...]]:
    """What each number of the statistics is."""
    return Response(DEFINITIONS, headers={"cache-control": "private, max-age=3600"})


def _choose_format(name: str, given: list[str], request: SignedInRequest) -> str:
    """The format that the parameter names, or that the `Accept` header prefers."""
    formats = _WITHOUT_CHART if name in _CHARTLESS else tuple(FORMATS)
    offers = {key: FORMATS[key] for key in formats}
    named = [value for value in given if value]
    if named:
        if len(named) > 1 or named[0] not in offers:
            problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "format", f"must be one of: {', '.join(offers)}")
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "there is no such format", (problem,))
        return named[0]
    chosen = choose_media_type(",".join(request.headers.getall("accept", [])), tuple(offers.values()))
    if chosen is None:
        types = ", ".join(media.partition(";")[0] for media in offers.values())
        raise RequestRefused(Code.REQUEST_NOT_ACCEPTABLE, f"Accept must allow one of: {types}")
    return next(key for key, media in offers.items() if media == chosen)


async def write_answer(services: Parts, name: str, answer: Answer, wanted: str, timezone: str, *, safe: bool) -> bytes:
    """The answer in a format but JSON; a chart has the times of the zone's clock. Raises RequestRefused.

    `safe` says whether values of CSV that would be formulas are marked.
    """
    table = await asyncio.to_thread(usage.make_table, name, answer)
    if wanted == "csv":
        return await asyncio.to_thread(partial(usage.write_csv, table, safe=safe))
    if wanted == "arrow":
        return await asyncio.to_thread(usage.write_arrow, table)
    chart = await asyncio.to_thread(partial(usage.make_chart, name, answer, table, timezone))
    return msgspec.json.encode(chart) if wanted == "vega" else await services.drawings.draw(chart, wanted)


def _read_flag(name: str, given: list[str]) -> bool:
    named = [value for value in given if value]
    if not set(named) <= {"true", "false"} or len(named) > 1:
        problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, name, "must be one of: true, false")
        raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "this cannot be counted: one thing is wrong", (problem,))
    return named == ["true"]


async def _unknown_codes(services: Services, selection: EventSelection) -> list[str]:
    """What is said of codes of one customer's one product; of several, it would take a statement for each."""
    if len(selection.customers) != 1 or len(selection.products) != 1 or "*" in selection.customers:
        return []
    types = [name for name in selection.types if not name.endswith("*")]
    asked = AskedCodes(
        {"filter.customer": selection.customers[0]}, {"filter.product": selection.products[0]}, tuple(types)
    )
    found = await services.codes.find_unknown(asked)
    return [mistake.text for mistake in found]
