"""Events: the raw events of a selection, newest first, and what became of those of one request."""

from typing import Any, Final, cast

from footfall.dashboard.auditing import record_events_read
from footfall.dashboard.explanation import report_text
from footfall.dashboard.period import Period
from footfall.dashboard.questions import show_question
from footfall.dashboard.refusals import fault_of
from footfall.dashboard.selection import ask, parameters
from footfall.dashboard.views.live import keys_of
from footfall.dashboard.visit import Rendered, Shown, Visit
from footfall.errors import RequestRefused
from footfall.receipts import Status
from footfall.usage import EventList

_PAGE: Final = 50


async def show(visit: Visit) -> Shown:
    """The events of the address's selection; `after` and `asOf` go on behind an earlier page."""

    async def answering(period: Period) -> dict[str, Any]:
        given = {**parameters(visit.address, period), "limit": [str(_PAGE)], **visit.address.given(("after",))}
        answer = cast("EventList", await ask(visit, "events", given))
        await record_events_read(visit, "events")
        more = None
        if isinstance(answer.next, str):
            more = visit.address.with_values(after=answer.next, asOf=str(answer.asOf))
        report = report_text(answer.report)
        return {"answer": answer, "more": more, "report": report, "command": visit.curl(answer.link)}

    values = {"keys": keys_of(visit), "more": None, "report": "", "command": ""}
    return await show_question(visit, "events.html", values, answering)


async def show_batch(visit: Visit) -> Shown:
    """The receipt of a batch, if one is named: where each of its events is."""
    batch = visit.address.one("batch").strip()
    values: dict[str, Any] = {"batch": batch, "receipt": None, "fault": None, "stored": Status.STORED}
    if not batch:
        return Rendered("event_batch.html", values)
    try:
        receipt = await visit.services.receipts.find(visit.user, batch)
    except RequestRefused as error:
        fault = fault_of(error, visit)
        return Rendered("event_batch.html", {**values, "fault": fault}, fault.status)
    return Rendered("event_batch.html", {**values, "receipt": receipt})
