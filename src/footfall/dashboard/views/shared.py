"""What a shared link shows: one statistic, to whoever has the link; other sites may embed it if the link says so."""

import asyncio
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, structs

from footfall import usage, windows
from footfall.dashboard.breakdown import named_values
from footfall.dashboard.charts import SeriesChart, draw_series, read_series
from footfall.dashboard.period import Period, open_from
from footfall.dashboard.rendering import moment
from footfall.dashboard.shared_table import SharedColumn, column_of, columns_of, rows_of, totals_of
from footfall.dashboard.views.retention import CohortTable, table_of
from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.errors import STATUS, Code, RequestRefused
from footfall.state import Share
from footfall.usage import ActorRetention, Answer, Table
from footfall.views import OpenedShare

# Rows of the page; the table for spreadsheets has all.
ROWS_MAX: Final = 500
# What may embed the page stands in place of nobody.
_NOBODY: Final = "frame-ancestors 'none'"


class SharedPage(Struct, frozen=True):
    """The numbers of a link, as they are kept for a minute.

    Times of the chart and the rows are those of the zone's clock, in ms as if of UTC. `start` and `end` are those of
    the selection, None where it has none; with `is_of_days` it is of whole days.
    """

    as_of: int
    start: int | None
    end: int | None
    is_of_days: bool
    exact: bool
    interval: str
    totals: list[tuple[SharedColumn, int]]
    columns: list[SharedColumn]
    rows: list[list[Any]]
    rows_left: int
    chart: SeriesChart | None
    cohorts: CohortTable | None


class LegendEntry(Struct, frozen=True):
    """An entry of the legend; it leads nowhere, as whoever has the link sees nothing else."""

    values: tuple[str, ...]
    link: None = None


async def show(visit: Visit) -> Shown:
    """The numbers of the link, or that it does not work: whoever has it may know nothing of this service."""
    try:
        return await _show(visit)
    except RequestRefused as error:
        if error.code is not Code.REQUEST_NOT_FOUND:
            raise
        return Rendered("shared_ended.html", status=STATUS[error.code], formless=True)


async def _show(visit: Visit) -> Rendered:
    link = visit.request.path_params["link"]
    opened = await asyncio.to_thread(visit.services.shares.open, link)
    share = opened.share
    visit.audit_target = share.id

    async def make(found: OpenedShare) -> bytes:
        return msgspec.json.encode(await _count(visit, found))

    body = await visit.services.shares.answer(link, opened, "page", make)
    page = msgspec.json.decode(body, type=SharedPage)
    zone = zone_of(share).key
    lines = page.chart.series if page.chart and len(page.chart.series) > 1 else ()
    values = {
        "share": share,
        "link": visit.path(f"/shared/{link}"),
        # Times are by the clock of the link's zone, whoever looks.
        "moment": lambda time_ms, kind="time": moment(time_ms, zone, kind),
        "page": page,
        "drawn": await asyncio.to_thread(draw_series, page.chart) if page.chart else "",
        "legend": [(place, LegendEntry((line.name,))) for place, line in enumerate(lines)],
    }
    return Rendered("shared.html", values, headers=_embedding(visit, share), formless=True)


def _embedding(visit: Visit, share: Share) -> dict[str, str]:
    """The headers that let the origins of the link embed it, those that the settings still name."""
    allowed = [origin for origin in share.origins if origin in visit.services.shares.origins]
    if not allowed:
        return {}
    return {
        "content-security-policy": visit.policy.replace(_NOBODY, f"frame-ancestors {' '.join(allowed)}"),
        "x-frame-options": "",
        "cross-origin-resource-policy": "cross-origin",
    }


async def _count(visit: Visit, opened: OpenedShare) -> SharedPage:
    share, services = opened.share, visit.services
    question = await asyncio.to_thread(services.usage.parse, share.call, share.parameters)
    answer = await services.usage.ask(opened.user, question, queue=f"share {share.id}")
    table = await asyncio.to_thread(usage.make_table, share.call, answer)
    zone = zone_of(share)
    interval = getattr(answer, "interval", "day")
    chart = await asyncio.to_thread(_chart_of, share, answer, table, interval)
    rows = [] if isinstance(answer, ActorRetention) else list(rows_of(table, zone))
    start, end = (answer.report.filter.get(name) for name in ("start", "end"))
    return SharedPage(
        as_of=answer.asOf,
        start=start,
        end=end,
        is_of_days=all(at is None or at == windows.window("day", zone, at).start_ms for at in (start, end and end + 1)),
        exact=answer.exact,
        interval=interval,
        totals=list(totals_of(msgspec.to_builtins(getattr(answer, "total", None)) or {})),
        columns=columns_of(table),
        rows=rows[:ROWS_MAX],
        rows_left=max(0, len(rows) - ROWS_MAX),
        chart=chart,
        cohorts=table_of(answer) if isinstance(answer, ActorRetention) else None,
    )


def _chart_of(share: Share, answer: Answer, table: Table, interval: str) -> SeriesChart | None:
    """The chart over time, as the view shows it; None where there is none."""
    is_over_time = share.call in ("counts", "uniques", "summary") and "start" in table.columns
    if not is_over_time or share.chart in ("table", "number"):
        return None
    specification = usage.make_chart(share.call, answer, table, zone_of(share).key)
    number = specification["encoding"]["y"]
    number["title"] = column_of(number["field"]).head
    if share.chart == "stacked":
        specification["mark"] = "bar"
    chart = read_series(named_values(specification), interval)
    opening = _open_from(share, answer, interval)
    return structs.replace(chart, open_from=opening) if opening in chart.times else chart


def _open_from(share: Share, answer: Answer, interval: str) -> int | None:
    """From when intervals were not over, by the zone's clock; None where all were."""
    end = str(answer.report.filter.get("end", answer.asOf))
    now = Period("custom", zone_of(share).key, str(answer.asOf), end, interval, "none", None, 0)
    return open_from(now, answer.asOf)


def zone_of(share: Share) -> ZoneInfo:
    """The time zone that a link's parameters name."""
    return windows.zone((share.parameters.get("timezone") or ["UTC"])[0]) or ZoneInfo("UTC")
