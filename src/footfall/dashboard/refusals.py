"""Errors in words, each with a way out: what a refusal of the front doors is on a page."""

import logging
from typing import Final

from msgspec import Struct

from footfall.dashboard.form import FormExpired
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Rendered, Visit
from footfall.errors import STATUS, Code, RequestRefused, internal_failure
from footfall.system.request_ids import request_id
from footfall.web import as_refusal, loggable_path, requested_path

log = logging.getLogger("footfall.dashboard")

# The codes that have a text of their own; any other is `failed`.
_TEXTS: Final = {
    Code.REQUEST_AUTHORIZATION_FAILURE: "forbidden",
    Code.REQUEST_NOT_FOUND: "missing",
    Code.EVENT_JOB_GET_FAILED_NO_JOB: "missing",
    Code.EVENT_BATCH_NOT_FOUND: "missing",
    Code.SERVICE_UNAVAILABLE: "unavailable",
    Code.REQUEST_RATE_LIMITED: "limited",
    Code.REQUEST_GENERAL_FAILURE: "failure",
    Code.REQUEST_PARAMETER_MALFORMED: "malformed",
}


class Fault(Struct, frozen=True):
    """What is shown of an error: its kind, what happened, the way out, and what exactly is wrong."""

    kind: str
    status: int
    title: str
    advice: str
    message: str
    problems: tuple[str, ...] = ()


def fault_of(error: Exception, visit: Visit) -> Fault:
    """What is shown of an error; a fault of the service is logged."""
    if isinstance(error, FormExpired):
        return _fault("expired", 403, "")
    refused = as_refusal(error)
    if refused is None:
        where = visit.request.method, loggable_path(requested_path(visit.request.scope))
        log.error("unexpected failure of %s %r", *where, exc_info=error)
        refused = internal_failure(request_id.get())
    problems = tuple(str(problem) for problem in refused.problems)
    return _fault(_TEXTS.get(refused.code, "failed"), STATUS[refused.code], refused.message, problems)


def bad_input(message: str) -> Fault:
    """What is shown of a form that cannot be taken as it was filled."""
    return _fault("failed", 400, message)


def _fault(kind: str, status: int, message: str, problems: tuple[str, ...] = ()) -> Fault:
    title, advice = text(f"common.error.{kind}.title"), text(f"common.error.{kind}.advice")
    return Fault(kind, status, title, advice, message, problems)


def explain(visit: Visit, error: Exception) -> Rendered:
    """The page of an error. A page that can show it beside its own content catches the refusal itself."""
    fault = fault_of(error, visit)
    headers = {}
    if isinstance(error, RequestRefused) and error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    return Rendered("error.html", {"fault": fault}, fault.status, headers)
