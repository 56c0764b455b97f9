"""Schedules: those of the user, one with its runs, and what can be done to it."""

import asyncio
from typing import Final

from msgspec import UNSET

from footfall.dashboard.views.choice import selected
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.schedules import ScheduleShown

LIST: Final = "/dashboard/schedules"
# What a page says was done, by the word that its address has for it.
DONE: Final = ("removed", "added", "paused", "resumed")


async def show(visit: Visit) -> Shown:
    """The user's schedules; for an admin those of all."""
    page = await asyncio.to_thread(visit.services.schedules.page, visit.user, visit.address.one("after"))
    more = None if page.next is UNSET else visit.address.with_values(after=str(page.next), done="")
    return Rendered(
        "schedules.html",
        {"schedules": [(each, selected(each.filter)) for each in page.schedules], "more": more, "done": _done(visit)},
    )


async def show_one(visit: Visit) -> Shown:
    """One schedule with its newest windows."""
    found = await asyncio.to_thread(visit.services.schedules.find, visit.user, _id(visit))
    runs = [] if found.runs is UNSET else list(found.runs)
    return Rendered(
        "schedule.html", {"schedule": found, "about": selected(found.filter), "runs": runs, "done": _done(visit)}
    )


async def change(visit: Visit) -> Shown:
    """Pause, resume or remove a schedule."""
    schedules, wanted = visit.services.schedules, visit.request.path_params["change"]
    changes = {"pause": schedules.pause, "resume": schedules.resume, "remove": schedules.remove}
    if wanted not in changes:
        raise RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such change of a schedule")
    changed: ScheduleShown = await asyncio.to_thread(changes[wanted], visit.user, _id(visit))
    visit.audit_target = f"{wanted} {changed.id}"
    if wanted == "remove":
        return Redirect(f"{LIST}?done=removed")
    return Redirect(f"{LIST}/{changed.id}?done={wanted}d")


def _id(visit: Visit) -> str:
    return str(visit.request.path_params["schedule"])


def _done(visit: Visit) -> str:
    return visit.address.one("done") if visit.address.one("done") in DONE else ""
