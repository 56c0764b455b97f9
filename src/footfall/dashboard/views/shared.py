"""What a shared link shows: one statistic, to whoever has the link; other sites may embed it if the link says so."""

import asyncio
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from footfall import usage, windows
from footfall.dashboard.charts import draw_series, read_series
from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.state import Share
from footfall.usage import Table
from footfall.views import OpenedShare

# Rows of the page; the table for spreadsheets has all.
ROWS_MAX: Final = 500
# What may embed the page stands in place of nobody.
_NOBODY: Final = "frame-ancestors 'none'"


class SharedPage(Struct, frozen=True):
    """The numbers of a link, as they are kept for a minute. Times are those of the zone's clock, in ms as if of UTC."""

    as_of: int
    exact: bool
    total: dict[str, Any]
    columns: list[str]
    rows: list[list[Any]]
    rows_left: int
    chart: str


async def show(visit: Visit) -> Shown:
    """The numbers of the link. Raises RequestRefused where it does not hold."""
    link = visit.request.path_params["link"]
    opened = await asyncio.to_thread(visit.services.shares.open, link)
    share = opened.share
    visit.audit_target = share.id

    async def make(found: OpenedShare) -> bytes:
        return msgspec.json.encode(await _count(visit, found))

    body = await visit.services.shares.answer(link, opened, "page", make)
    values = {
        "share": share,
        "link": visit.path(f"/shared/{link}"),
        "interval": (share.parameters.get("interval") or ["day"])[0],
        "timezone": zone_of(share).key,
        "page": msgspec.json.decode(body, type=SharedPage),
    }
    return Rendered("shared.html", values, headers=_embedding(share, visit.policy), formless=True)


def _embedding(share: Share, policy: str) -> dict[str, str]:
    if not share.origins:
        return {}
    allowed = policy.replace(_NOBODY, f"frame-ancestors {' '.join(share.origins)}")
    return {
        "content-security-policy": allowed,
        "x-frame-options": "",
        "cross-origin-resource-policy": "cross-origin",
    }


async def _count(visit: Visit, opened: OpenedShare) -> SharedPage:
    share, services = opened.share, visit.services
    question = await asyncio.to_thread(services.usage.parse, share.call, share.parameters)
    answer = await services.usage.ask(opened.user, question, queue=f"share {share.id}")
    table = await asyncio.to_thread(usage.make_table, share.call, answer)
    zone = zone_of(share)
    chart = ""
    if share.call in ("counts", "uniques", "summary") and "start" in table.columns and table.rows:
        specification = usage.make_chart(share.call, answer, table, zone.key)
        interval = (share.parameters.get("interval") or ["day"])[0]
        chart = str(draw_series(read_series(specification, interval)))
    total = msgspec.to_builtins(getattr(answer, "total", None)) or {}
    shown = table.rows[:ROWS_MAX]
    return SharedPage(
        as_of=answer.asOf,
        exact=answer.exact,
        total={name: number for name, number in total.items() if isinstance(number, int)},
        columns=list(table.columns),
        rows=[_row(table, row, zone) for row in shown],
        rows_left=len(table.rows) - len(shown),
        chart=chart,
    )


def _row(table: Table, row: tuple[Any, ...], zone: ZoneInfo) -> list[Any]:
    """The values of a row; the beginning of an interval is by the zone's clock."""
    return [
        value + windows.offset_ms(zone, value) if name == "start" and isinstance(value, int) else value
        for name, value in zip(table.columns, row, strict=True)
    ]


def zone_of(share: Share) -> ZoneInfo:
    """The time zone that a link's parameters name."""
    return windows.zone((share.parameters.get("timezone") or ["UTC"])[0]) or ZoneInfo("UTC")
