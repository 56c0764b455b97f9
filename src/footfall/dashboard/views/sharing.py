"""A link of a saved view: who may embed it is chosen, and what is made is shown with the lines to copy."""

import asyncio
import re
from typing import Any, Final

import msgspec
from markupsafe import escape
from msgspec import Struct

from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.views import ShownShare

# Pixels of an embedded page: the tiles, the chart and the foot of most of them.
_FRAME_HEIGHT: Final = 560
# What Markdown would take for a part of a link.
_MARKED: Final = re.compile(r"([\\\[\]!`*_<>&])")


class Lines(Struct, frozen=True):
    """What other places take of a link: an empty frame where nobody may embed it."""

    address: str
    frame: str
    markdown: str
    pictures: tuple[str, str]
    table: str


async def choose(visit: Visit) -> Shown:
    """The form that makes a link of the view that the address names, or one that asks for a view."""
    views = visit.services.views
    settings = visit.services.settings
    wanted = visit.address.one("view")
    values = {
        "view": await asyncio.to_thread(views.show, visit.user, wanted) if wanted else None,
        "views": [] if wanted else await asyncio.to_thread(views.all, visit.user),
        "origins": visit.services.shares.origins,
        "is_allowed": settings.shares_allowed,
        "days_max": settings.share_days_max,
    }
    return Rendered("share.html", values)


async def share(visit: Visit) -> Shown:
    """Make a link of a view; the page that answers alone has it."""
    body: dict[str, Any] = {"view": visit.form.one("view"), "origins": visit.form.all("origin")}
    if (days := visit.form.one("days")).isdecimal() and len(days) < 6:
        body["days"] = int(days)
    shares = visit.services.shares
    made = await asyncio.to_thread(shares.add, visit.user, msgspec.json.encode(body), visit.base_url)
    return Rendered("share_made.html", {"made": made, "lines": lines_of(made)})


def lines_of(made: ShownShare) -> Lines:
    """The lines of a link that has just been made. Its title is a text of somebody's: each line escapes it."""
    address = str(made.url)
    title = escape(made.title)
    frame = f'<iframe src="{address}" title="{title}" width="100%" height="{_FRAME_HEIGHT}" loading="lazy"></iframe>'
    picture = f"{address}/chart.png"
    named = _MARKED.sub(r"\\\1", made.title)
    return Lines(
        address=address,
        frame=frame if made.origins else "",
        markdown=f"[![{named}]({picture})]({address})",
        pictures=(picture, f"{address}/chart.svg"),
        table=f"{address}/data.csv",
    )
