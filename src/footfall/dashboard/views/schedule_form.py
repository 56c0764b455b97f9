"""The form for a schedule: of which events, as a choice or as a saved view, how often, and what its files look like."""

import asyncio
import shlex
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from footfall.dashboard.refusals import Fault, bad_input, fault_of
from footfall.dashboard.texts import text
from footfall.dashboard.views.choice import (
    COMPRESSIONS,
    DELIMITERS,
    FORMATS,
    TIMES,
    Choice,
    Selected,
    customers_of,
    products_of,
    read_choice,
    selected,
    types_of,
)
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import RequestRefused
from footfall.views import ShownView

LIST: Final = "/dashboard/schedules"
EVERY: Final = ("day", "week", "month", "hour")
CORRECTIONS: Final = ("full", "since")
_DIGITS_MAX: Final = 9


class Rhythm(Struct, frozen=True, kw_only=True):
    """When the reports of a schedule are made, as the form's fields have it; empty ones stand for the default.

    `first` is a time in the first window, `grace` in minutes, `days` those in which late events are searched for.
    """

    every: str
    name: str
    first: str
    grace: str
    days: str
    correction: str

    def numbers(self) -> dict[str, int] | None:
        """The numbers of the fields, by their names in a body; None where one is no whole number."""
        given = {"graceSeconds": (self.grace, 60), "correctionDays": (self.days, 1)}
        if any(written and not _is_number(written) for written, _ in given.values()):
            return None
        return {name: int(written) * unit for name, (written, unit) in given.items() if written}


async def choose(visit: Visit) -> Shown:
    """The form, with what the address says filled in."""
    choice, rhythm, view = _read(visit, visit.address.one, visit.address.all)
    return await _form(visit, choice, rhythm, view, None)


async def add(visit: Visit) -> Shown:
    """Add the schedule, and go to its page."""
    choice, rhythm, view = _read(visit, visit.form.one, visit.form.all)
    numbers = rhythm.numbers()
    if numbers is None:
        return await _form(visit, choice, rhythm, view, bad_input(text("schedules.form.whole_numbers")))
    try:
        body = await asyncio.to_thread(_filled, visit, _body(choice, rhythm, numbers, view))
        added = await asyncio.to_thread(visit.services.schedules.add, visit.user, body)
    except RequestRefused as error:
        return await _form(visit, choice, rhythm, view, fault_of(error, visit))
    visit.audit_target = added.id
    return Redirect(f"{LIST}/{added.id}?done=added")


def _read(visit: Visit, one: Callable[[str], str], every: Callable[[str], list[str]]) -> tuple[Choice, Rhythm, str]:
    choice = read_choice(visit, one, every)
    rhythm = Rhythm(
        every=one("every") if one("every") in EVERY else EVERY[0],
        name=one("name").strip(),
        first=one("from").strip(),
        grace=one("grace").strip(),
        days=one("days").strip(),
        correction=one("correction") if one("correction") in CORRECTIONS else CORRECTIONS[0],
    )
    return choice, rhythm, one("view")


def _body(choice: Choice, rhythm: Rhythm, numbers: dict[str, int], view: str) -> bytes:
    """The body of `POST /schedules`; with a view, the selection is the view's."""
    wanted: dict[str, Any] = {"every": rhythm.every, "timezone": choice.timezone}
    wanted |= {name: value for name, value in (("name", rhythm.name), ("from", rhythm.first)) if value}
    wanted |= numbers | {"correction": rhythm.correction}
    if view:
        wanted |= {"view": view, "filter": {}}
    else:
        wanted |= {"filter": choice.filter(), "duplicates": choice.duplicates}
    return msgspec.json.encode(wanted | {"output": choice.output()})


def _filled(visit: Visit, body: bytes) -> bytes:
    """The body with the selection of the view that it names. Blocks. Raises RequestRefused."""
    return visit.services.views.fill_report(visit.user, body, timeless=True)


async def _form(visit: Visit, choice: Choice, rhythm: Rhythm, view: str, fault: Fault | None) -> Rendered:
    views = await asyncio.to_thread(visit.services.views.all, visit.user)
    chosen, about = next((each for each in views if view in (each.id, each.name)), None), None
    if chosen is not None:
        about, fault = await _selection(visit, chosen, fault)
    body = _body(choice, rhythm, rhythm.numbers() or {}, chosen.name if chosen else "")
    values: dict[str, Any] = {
        "choice": choice,
        "rhythm": rhythm,
        "views": views,
        "view": chosen,
        "about": about,
        "customers": customers_of(visit),
        "products": products_of(visit),
        "types": types_of(visit, choice.products),
        "every": EVERY,
        "corrections": CORRECTIONS,
        "usual": visit.services.settings,
        "formats": FORMATS,
        "compressions": COMPRESSIONS,
        "delimiters": DELIMITERS,
        "times": TIMES,
        "command_text": _command(visit, body),
        "fault": fault,
    }
    return Rendered("schedule_form.html", values, fault.status if fault else 200)


async def _selection(visit: Visit, view: ShownView, fault: Fault | None) -> tuple[Selected | None, Fault | None]:
    """What a view selects, in words; the fault, or what is wrong with the view."""
    try:
        body = await asyncio.to_thread(_filled, visit, msgspec.json.encode({"view": view.id, "filter": {}}))
    except RequestRefused as error:
        return None, fault or fault_of(error, visit)
    return selected(msgspec.json.decode(body)["filter"]), fault


def _command(visit: Visit, body: bytes) -> str:
    """The command that adds the same schedule."""
    user, json = shlex.quote(visit.user.id), shlex.quote(body.decode())
    return f"curl -u {user} {visit.base_url}/schedules -H 'content-type: application/json' -d {json}"


def _is_number(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) <= _DIGITS_MAX
