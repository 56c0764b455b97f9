"""The overview: what happened in a time, compared with the time before, with everything to click on.

Actors of many events take some seconds to count. Where they are not there soon, the page is shown without them, and its
script asks for the whole page, with `Prefer: wait`; a link does that for browsers without scripts.
"""

import asyncio
import shlex
from collections.abc import Coroutine, Iterator
from typing import Any, Final, cast
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Struct, structs

from footfall.dashboard.address import PageAddress
from footfall.dashboard.charts import BEFORE, SeriesChart, compared_lines, draw_series, read_series
from footfall.dashboard.explanation import report_text
from footfall.dashboard.period import COMPARISONS, INTERVALS, RANGES, Period, open_from, read_period
from footfall.dashboard.refusals import fault_of
from footfall.dashboard.selection import ALL, PARAMETER_OF, Parameters, ask, filters, parameters
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.errors import RequestRefused
from footfall.plan import make_sample
from footfall.usage import Answer, Count, Uniques, UsageSummary

METRICS: Final = ("events", "actors")
# Entries of each list, and those of the period before that are looked through for them.
_TOP: Final = 9
_TOP_BEFORE: Final = 1_000
_LISTS: Final = ("type", "version", "product", "customer")
# The parameter by which the page waits for the actors (`yes`), as by the header `Prefer: wait`, or never does (`no`).
_WAIT: Final = "wait"


class Tile(Struct, frozen=True):
    """A number at the top. `metric` is the one that the chart shows where it is chosen; empty for none.

    `value` is None for a number that is not counted yet.
    """

    name: str
    value: float | None
    before: float | None
    metric: str = ""


class Row(Struct, frozen=True):
    """An entry of a list: its number now and before, as a part of the largest, and the address that filters by it."""

    value: str
    events: int
    before: int | None
    part: float
    link: PageAddress | None
    is_set: bool
    duplicates: int
    late: int
    report: str
    only: str


class Answers(Struct, frozen=True):
    """The statistics of a page, all at one watermark. `actors` is None where they are not counted yet."""

    now: UsageSummary
    before: UsageSummary | None
    actors: Uniques | None
    actors_before: Uniques | None

    @property
    def answer(self) -> UsageSummary:
        """What the whole page says of itself: it is exact where all its numbers are."""
        is_exact = all(each is None or each.exact for each in (self.actors, self.actors_before))
        return structs.replace(self.now, exact=self.now.exact and is_exact)


async def show(visit: Visit) -> Shown:
    """The numbers of the address. What the statistics refuse is told above the page, whose controls stay."""
    address = visit.address
    period = read_period(address, visit.zone, visit.services.clock.now_ms())
    values: dict[str, Any] = {
        "period": period,
        "ranges": RANGES,
        "intervals": INTERVALS,
        "comparisons": COMPARISONS,
        "filters": list(filters(address)),
        "metric": address.one("metric", METRICS[0]) if address.one("metric") in METRICS else METRICS[0],
        "answer": None,
        "fault": None,
    }
    try:
        found = await _ask(visit, parameters(address, period), period, _patience_s(visit, values["metric"]))
    except RequestRefused as error:
        fault = fault_of(error, visit)
        return Rendered("overview.html", {**values, "fault": fault}, fault.status)
    if not found.now.total.events:
        return Rendered("overview.html", {**values, "answer": found.now, "first": await _first_event(visit)})
    return Rendered(
        "overview.html", {**values, **await asyncio.to_thread(_numbers, address, period, found, values["metric"])}
    )


def _patience_s(visit: Visit, metric: str) -> float | None:
    """How long the page waits for the actors, in seconds; None for as long as it takes."""
    waits = "yes" if visit.request.headers.get("prefer") == _WAIT else visit.address.one(_WAIT)
    if metric == "actors" or waits == "yes":
        return None
    return 0 if waits == "no" else visit.services.settings.overview_wait_ms / 1000


async def _ask(visit: Visit, given: Parameters, period: Period, patience_s: float | None) -> Answers:
    """Ask for everything, up to the watermark of the first answer."""
    given = {**given, "interval": [period.interval]}
    counts = {**given, "actors": ["false"]}
    now = cast("UsageSummary", await ask(visit, "summary", {**counts, "top": [str(_TOP)]}))
    as_of = {"asOf": [str(now.asOf)]}
    if period.earlier is None:
        (actors,) = await _within(patience_s, ask(visit, "uniques", {**given, **as_of})) or (None,)
        return Answers(now, None, cast("Uniques | None", actors), None)
    earlier = {**as_of, "start": [period.earlier[0]], "end": [period.earlier[1]]}
    before, both = await _all(
        ask(visit, "summary", {**counts, **earlier, "top": [str(_TOP_BEFORE)]}),
        _within(patience_s, *(ask(visit, "uniques", {**given, **each}) for each in (as_of, earlier))),
    )
    return Answers(now, *cast("Any", (before, *(both or (None, None)))))


async def _within(patience_s: float | None, *asked: Coroutine[Any, Any, Answer]) -> list[Answer] | None:
    """The answers; None where they take longer, and then nobody waits for them any more."""
    try:
        async with asyncio.timeout(patience_s):
            return await _all(*asked)
    except TimeoutError:
        return None


async def _all(*asked: Coroutine[Any, Any, Any]) -> list[Any]:
    """All answers; where one is refused, nobody waits for the others any more."""
    tasks = [asyncio.create_task(each) for each in asked]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _numbers(address: PageAddress, period: Period, found: Answers, metric: str) -> dict[str, Any]:
    chart = _chart(period, found, metric)
    return {
        "answer": found.answer,
        "tiles": list(_tiles(found)),
        "later": "" if found.actors else address.with_values(**{_WAIT: "yes"}),
        "chart": chart,
        "drawn": draw_series(chart),
        "lists": [(name, list(_rows(address, found, name))) for name in _LISTS],
        "report": report_text(found.now.report),
    }


def _tiles(found: Answers) -> Iterator[Tile]:
    now, before = found.now.total, found.before.total if found.before else None
    yield Tile("events", now.events, before.events if before else None, "events")
    actors, visits, each = _of_actors(found.now, found.actors)
    actors_before, visits_before, each_before = _of_actors(found.before, found.actors_before)
    yield Tile("actors", actors, actors_before, "actors")
    yield Tile("visits", visits, visits_before)
    yield Tile("each", each, each_before or None)


def _of_actors(summary: UsageSummary | None, found: Uniques | None) -> tuple[int | None, int | None, float | None]:
    """The actors; how often one was there, once for each interval in which it was; and the events of each."""
    if summary is None or found is None:
        return None, None, None
    actors = found.total.uniques
    return actors, sum(each.uniques for each in found.uniques), summary.total.events / actors if actors else 0


def _chart(period: Period, found: Answers, metric: str) -> SeriesChart:
    """The chart over time, with the period before behind it, as a specification in Vega-Lite would have it."""
    as_of = found.now.asOf
    starts = period.starts(as_of)
    now, label = _values(found.now, found.actors, metric), text(f"overview.tile.{metric}")
    values = [{"local": period.local(start), "number": now.get(start, 0), "period": label} for start in starts]
    if found.before and period.before:
        before = _values(found.before, found.actors_before, metric)
        values += [
            {"local": place["local"], "number": before.get(start, 0), "period": BEFORE}
            for start, place in zip(period.before.starts(as_of), list(values), strict=False)
        ]
    return read_series(compared_lines(label, values), period.interval, open_from(period, as_of))


def _values(summary: UsageSummary, actors: Uniques | None, metric: str) -> dict[int, int]:
    if metric == "actors" and actors is not None:
        return {each.start: each.uniques for each in actors.uniques}
    return {cast("int", each.start): each.events for each in summary.summary}


def _rows(address: PageAddress, found: Answers, name: str) -> Iterator[Row]:
    """The entries of a list, the largest first."""
    counts: list[Count] = getattr(found.now, f"{name}s")
    earlier = {getattr(each, name): each.events for each in getattr(found.before, f"{name}s")} if found.before else None
    most = max((each.events for each in counts if each.others is UNSET), default=1) or 1
    parameter = PARAMETER_OF[name]
    for each in counts:
        value = getattr(each, name)
        is_others = each.others is not UNSET
        before = None if earlier is None or is_others else earlier.get(value, 0)
        is_set = not is_others and value in address.all(parameter)
        # The empty version cannot be asked for by itself.
        link = None if is_others or not value else address.with_values(**{parameter: "" if is_set else value})
        yield Row(
            value if not is_others else "",
            each.events,
            before,
            0.0 if is_others else each.events / most,
            link,
            is_set,
            each.duplicates,
            each.late,
            "" if is_others else report_text(found.now.report, **{parameter: value}),
            "" if is_others else urlencode({parameter: value}),
        )


async def _first_event(visit: Visit) -> str:
    """The command that sends an event to begin with, where the user sees none at all; else empty."""
    everything = {"customer": [ALL], "product": [ALL], "start": ["0"], "interval": ["all"]}
    if (await ask(visit, "counts", {**everything, "by": ["none"]})).total.events:  # type: ignore[attr-defined]
        return ""
    sample = await asyncio.to_thread(make_sample, visit.services.plan.plan, visit.services.settings)
    event = {**msgspec.to_builtins(sample), "timestamp": visit.services.clock.now_ms()}
    body = shlex.quote(msgspec.json.encode({"events": [event]}).decode())
    return f"curl {visit.base_url}/events -H 'content-type: application/json' -d {body}"
