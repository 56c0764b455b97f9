"""Reports: the user's list, the form that starts one, and one report with its file and what it stands on."""

import shlex
from typing import Any, Final

import msgspec
from msgspec import Struct

from footfall.dashboard.address import PageAddress
from footfall.dashboard.commands import report_command
from footfall.dashboard.refusals import Fault, fault_of
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
from footfall.reports import Estimate, Manifest, report_status
from footfall.state import Job, JobStatus

LIST: Final = "/dashboard/reports"
# What a page says was done, by the word that its address has for it.
DONE: Final = ("removed", "cancelled")
# Reports of a page of the list.
_PAGE: Final = "30"


class Listed(Struct, frozen=True):
    """A report as the list shows it."""

    source: str
    job: Job
    about: Selected

    @property
    def is_gone(self) -> bool:
        """Whether a finished report has no file any more."""
        return self.job.expired or self.job.removed


async def show(visit: Visit) -> Shown:
    """The user's reports, the newest first."""
    before = visit.address.one("before")
    found = await visit.services.reports.list(visit.user, {"limit": [_PAGE], "before": [before]})
    more = visit.address.with_values(before=found.next, done="") if found.next else None
    values = {"reports": [_listed(job) for job in found.jobs], "more": more, "before": before, "done": _done(visit)}
    return Rendered("reports.html", values)


async def choose(visit: Visit) -> Shown:
    """The form for a report, drawn from the plan; with its estimate once that is asked for."""
    address = visit.address
    choice = read_choice(visit, address.one, address.all)
    fault, estimate = None, None
    if address.one("chosen"):
        try:
            estimate = await visit.services.estimates.estimate(visit.user, choice.body())
        except RequestRefused as error:
            fault = fault_of(error, visit)
    return form(visit, choice, fault, estimate)


def form(visit: Visit, choice: Choice, fault: Fault | None, estimate: Estimate | None) -> Rendered:
    """The form as it was filled, with what is wrong with it or how large the report would be."""
    values: dict[str, Any] = {
        "choice": choice,
        "customers": customers_of(visit),
        "products": products_of(visit),
        "types": types_of(visit, choice.products),
        "formats": FORMATS,
        "compressions": COMPRESSIONS,
        "delimiters": DELIMITERS,
        "times": TIMES,
        "estimate": estimate,
        "fault": fault,
        "command_text": _command(visit, choice.body()),
        "own_command": report_command(visit.base_url, choice),
    }
    return Rendered("report_form.html", values, fault.status if fault else 200)


async def start(visit: Visit) -> Shown:
    """Start the report that was chosen, and go to its page."""
    choice = read_choice(visit, visit.form.one, visit.form.all)
    try:
        job = await visit.services.reports.start(visit.user, choice.body())
    except RequestRefused as error:
        return form(visit, choice, fault_of(error, visit), None)
    visit.audit_target = report_status(job).source
    return Redirect(f"{LIST}/{visit.audit_target}")


async def show_one(visit: Visit) -> Shown:
    """One report: how far it is, or its file and what it stands on."""
    job = await _find(visit)
    manifest = _manifest(job)
    again = PageAddress(visit.path(f"{LIST}/new"), _choice_of(job).pairs())
    values = {
        "source": report_status(job).source,
        "job": job,
        "about": selected(job.filter),
        "is_gone": job.expired or job.removed,
        "manifest": manifest,
        "counts": sorted(manifest.rows.by_type.items(), key=lambda pair: -pair[1]) if manifest else (),
        "again": again,
        "command_text": _command(visit, _choice_of(job).body()),
        "own_command": report_command(visit.base_url, _choice_of(job)),
    }
    return Rendered("report.html", values)


async def download(visit: Visit) -> Shown:
    """Go to the file by a link of its own."""
    job = await _find(visit)
    visit.audit_target = report_status(job).source
    link = await visit.services.reports.link(visit.user, job, visit.base_url)
    return Redirect(link.removeprefix(visit.base_url))


async def end(visit: Visit) -> Shown:
    """Cancel a report that runs, or remove the file of one that has ended."""
    job = await _find(visit)
    visit.audit_target = report_status(job).source
    await visit.services.reports.end(visit.user, visit.audit_target)
    return Redirect(f"{LIST}?done={'cancelled' if job.status is JobStatus.RUNNING else 'removed'}")


async def start_since(visit: Visit) -> Shown:
    """Start a report of the same events with only those that came since this one."""
    job = await _find(visit)
    body = msgspec.json.decode(_choice_of(job).body())
    body["output"] = body["output"] | {"since": report_status(job).source}
    body["output"].pop("asOf", None)
    since = await visit.services.reports.start(visit.user, msgspec.json.encode(body))
    visit.audit_target = report_status(since).source
    return Redirect(f"{LIST}/{visit.audit_target}")


async def _find(visit: Visit) -> Job:
    return await visit.services.reports.find(visit.user, visit.request.path_params["source"])


def _listed(job: Job) -> Listed:
    return Listed(report_status(job).source, job, selected(job.filter))


def _done(visit: Visit) -> str:
    return visit.address.one("done") if visit.address.one("done") in DONE else ""


def _manifest(job: Job) -> Manifest | None:
    if job.status is not JobStatus.COMPLETE or job.manifest is None:
        return None
    return msgspec.json.decode(job.manifest, type=Manifest)


def _choice_of(job: Job) -> Choice:
    """The form's fields that would ask for this report again."""
    wanted, about = job.filter, selected(job.filter)
    delimiters = {"|": "pipe", ",": "comma", ";": "semicolon", "\t": "tab"}
    return Choice(
        customers=about.customers,
        products=about.products,
        types=about.types,
        versions=tuple(wanted.versions or ()),
        where=tuple(wanted.where or ()),
        start="" if about.start is None else str(about.start),
        end="" if about.end is None else str(about.end),
        timezone="",
        basis=job.basis,
        duplicates=job.duplicates,
        format=job.format,
        compression=job.compression,
        delimiter=delimiters.get(job.delimiter, "pipe"),
        header=job.header,
        times=job.times,
        safe=job.safe,
    )


def _command(visit: Visit, body: bytes) -> str:
    """The command that starts the same report."""
    user = shlex.quote(visit.user.id)
    return (
        f"curl -u {user} {visit.base_url}/reports -H 'content-type: application/json' -d {shlex.quote(body.decode())}"
    )
