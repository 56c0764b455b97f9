"""Saved views and shared links: listed, saved from a page, opened, removed."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, get_args

import msgspec
from msgspec import UNSET

from footfall.dashboard.address import PageAddress
from footfall.dashboard.exploration import OVER_TIME
from footfall.dashboard.selection import ALL
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import Code, Problem, RequestRefused
from footfall.usage import Statistics
from footfall.views import ShownView

# The page that shows what a statistic says, where there is one.
_PAGES: Final = {
    "summary": "/",
    "counts": "/dashboard/explore",
    "uniques": "/dashboard/explore",
    "funnel": "/dashboard/funnels",
    "retention": "/dashboard/retention",
    "paths": "/dashboard/paths",
    "events": "/dashboard/events",
}
_HOME: Final = "/dashboard/views"
_CALLS: Final = get_args(Statistics)


async def show(visit: Visit) -> Shown:
    """The views and links that the user may see; an admin sees everyone's links."""
    views, shares = await asyncio.gather(
        asyncio.to_thread(visit.services.views.all, visit.user),
        asyncio.to_thread(visit.services.shares.all, visit.user),
    )
    values = {
        "views": [(view, page_of(visit, view)) for view in views],
        "shares": shares,
        "is_allowed": visit.services.settings.shares_allowed,
    }
    return Rendered("saved.html", values)


async def save(visit: Visit) -> Shown:
    """Save the page that a form was on, under a name: its parameters are the fields `parameters`, as a query."""
    call = visit.form.one("call")
    if call not in _CALLS:
        code = Code.REQUEST_PARAMETER_MALFORMED
        raise RequestRefused(code, "there is no such statistic", (Problem(code, "call", "is none that there is"),))
    page = PageAddress.of("", visit.form.one("parameters"))
    given = {name: page.all(name) for name, _ in page.pairs}
    body = {
        "name": visit.form.one("name").strip(),
        "call": call,
        "parameters": await asyncio.to_thread(_known, visit, call, given),
        "chart": page.one("chart"),
    }
    if customer := visit.form.one("customer"):
        body["customer"] = customer
    await asyncio.to_thread(visit.services.views.save, visit.user, msgspec.json.encode(body))
    return Redirect(_HOME)


def _known(visit: Visit, call: str, given: dict[str, list[str]]) -> dict[str, list[str]]:
    """What the statistic takes of a page's parameters; what a page takes for granted is said."""
    filled = {"customer": [ALL], "product": [ALL], "timezone": [visit.zone], **given}
    filled.pop("asOf", None)  # a view is of now
    if call == "counts":
        filled.setdefault("by", ["none"])
        if filled.get("chart", ["line"])[0] not in OVER_TIME:
            filled["interval"] = ["all"]
    if filled.get("range") == ["custom"] or "start" in filled or "end" in filled:
        filled.pop("range", None)
    else:
        filled.setdefault("range", ["30d"])
    known = visit.services.usage.parse(call, filled).names
    return {name: values for name, values in filled.items() if name in known}


async def remove(visit: Visit) -> Shown:
    """Remove a view."""
    await asyncio.to_thread(visit.services.views.remove, visit.user, visit.form.one("view"))
    return Redirect(_HOME)


async def revoke(visit: Visit) -> Shown:
    """Revoke a link."""
    await asyncio.to_thread(visit.services.shares.remove, visit.user, visit.form.one("share"))
    return Redirect(_HOME)


def page_of(visit: Visit, view: ShownView) -> PageAddress | None:
    """The address of the page that shows a view; None where no page does."""
    path = _PAGES.get(view.call)
    if path is None or path not in visit.page_paths:
        return None
    more = [("call", view.call)] if path == "/dashboard/explore" else []
    return PageAddress(visit.path(path), [*more, *_pairs(view.parameters, view.chart)])


def _pairs(parameters: dict[str, Sequence[str]] | dict[str, list[str]], chart: str) -> Iterator[tuple[str, str]]:
    for name, values in parameters.items():
        for value in values:
            if (name, value) not in (("customer", ALL), ("product", ALL)):
                yield name, value
    if chart:
        yield "chart", chart


def customer_of(view: ShownView) -> str:
    """The customer for all of whom a view is; empty for one's own."""
    return "" if view.customer is UNSET else view.customer
