"""Every call in one table, from which the framework's handlers and the OpenAPI document are made."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from msgspec import Struct

from footfall.errors import Code
from footfall.web.calls import downloads, events, guides, live, quarantine, reports, service, statistics


class Route(Struct, frozen=True):
    """A call. `signed_in`: it needs a user. `public`: the OpenAPI document has it.

    A `published` call has clients from before footfall: it ignores unknown parameters and keys, and warns of them.
    Other calls that need a user refuse them.

    `opened_by` names the setting that opens the call to everyone, although it is `signed_in`.

    `errors` are codes of this call alone. `codes` adds those that every call has, or every one that needs a user.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    call: Callable[..., Awaitable[Any]]
    tag: str = "Service"
    signed_in: bool = False
    opened_by: str = ""
    public: bool = True
    published: bool = False
    errors: tuple[Code, ...] = ()

    @property
    def name(self) -> str:
        """The method and the path, by which metrics and manual know the call."""
        return f"{self.method} {self.path}"

    @property
    def strict(self) -> bool:
        """Whether unknown query parameters are refused. Load balancers and scrapers may send some."""
        return self.signed_in and not (self.published or self.opened_by)

    @property
    def changes(self) -> bool:
        """Whether the call changes what belongs to a user."""
        return self.signed_in and self.method == "POST"

    @property
    def codes(self) -> tuple[Code, ...]:
        """All codes that the call can answer with."""
        sign_in = (Code.REQUEST_UNAUTHORIZED, Code.REQUEST_RATE_LIMITED, Code.SERVICE_UNAVAILABLE)
        return (*self.errors, *(sign_in if self.signed_in else ()), Code.REQUEST_GENERAL_FAILURE)


# Codes of a call that reads a body and checks what the user may do.
_CHANGE: Final = (
    Code.REQUEST_INPUT_MALFORMED,
    Code.REQUEST_PARAMETER_MALFORMED,
    Code.REQUEST_AUTHORIZATION_FAILURE,
    Code.REQUEST_TIMED_OUT,
    Code.REQUEST_TOO_LARGE,
    Code.REQUEST_UNSUPPORTED_MEDIA_TYPE,
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/events",
        "Create Events",
        events.create_events,
        published=True,
        tag="Events",
        errors=(
            Code.REQUEST_INPUT_MALFORMED,
            Code.REQUEST_PARAMETER_MALFORMED,
            Code.EVENT_NOT_IN_PLAN,
            Code.REQUEST_TIMED_OUT,
            Code.REQUEST_TOO_LARGE,
            Code.REQUEST_UNSUPPORTED_MEDIA_TYPE,
            Code.SERVICE_UNAVAILABLE,
        ),
    ),
    Route(
        "GET",
        "/events/{batch}",
        "Check Events",
        events.find_receipt,
        tag="Events",
        signed_in=True,
        errors=(Code.REQUEST_PARAMETER_MALFORMED, Code.EVENT_BATCH_NOT_FOUND),
    ),
    Route(
        "POST",
        "/reports",
        "Start New Report",
        reports.start_report,
        published=True,
        tag="Reports",
        signed_in=True,
        errors=(
            Code.REQUEST_INPUT_MALFORMED,
            Code.REQUEST_PARAMETER_MALFORMED,
            Code.REQUEST_AUTHORIZATION_FAILURE,
            Code.REQUEST_TIMED_OUT,
            Code.REQUEST_TOO_LARGE,
            Code.REQUEST_UNSUPPORTED_MEDIA_TYPE,
        ),
    ),
    Route(
        "GET",
        "/reports",
        "List Reports",
        reports.list_reports,
        tag="Reports",
        signed_in=True,
        errors=(Code.REQUEST_PARAMETER_MALFORMED,),
    ),
    Route(
        "POST",
        "/reports/estimate",
        "Estimate Report",
        reports.estimate_report,
        tag="Reports",
        signed_in=True,
        errors=(
            Code.REQUEST_INPUT_MALFORMED,
            Code.REQUEST_PARAMETER_MALFORMED,
            Code.REQUEST_AUTHORIZATION_FAILURE,
            Code.REQUEST_TIMED_OUT,
            Code.REQUEST_TOO_LARGE,
            Code.REQUEST_UNSUPPORTED_MEDIA_TYPE,
        ),
    ),
    Route(
        "GET",
        "/reports/{source}/availability",
        "Check Report Progress",
        reports.check_report,
        published=True,
        tag="Reports",
        signed_in=True,
        errors=(Code.REQUEST_PARAMETER_MALFORMED, Code.EVENT_JOB_GET_FAILED_NO_JOB),
    ),
    Route(
        "GET",
        "/reports/{source}",
        "Get Report Download Link",
        reports.link_report,
        published=True,
        tag="Reports",
        signed_in=True,
        errors=(
            Code.REQUEST_PARAMETER_MALFORMED,
            Code.EVENT_JOB_GET_FAILED_NO_JOB,
            Code.REQUEST_NOT_ACCEPTABLE,
            Code.EVENT_JOB_GET_FAILED_RUNNING,
            Code.EVENT_JOB_GET_FAILED,
        ),
    ),
    Route(
        "DELETE",
        "/reports/{source}",
        "Cancel or Remove Report",
        reports.end_report,
        tag="Reports",
        signed_in=True,
        errors=(Code.EVENT_JOB_GET_FAILED_NO_JOB,),
    ),
    Route(
        "GET",
        "/reports/{source}/manifest",
        "Get Report Manifest",
        reports.show_manifest,
        tag="Reports",
        signed_in=True,
        errors=(Code.EVENT_JOB_GET_FAILED_NO_JOB, Code.EVENT_JOB_GET_FAILED_RUNNING, Code.EVENT_JOB_GET_FAILED),
    ),
    Route(
        "GET",
        "/files/{source}/{token}/{name}",
        "Download Report",
        downloads.download_report,
        tag="Reports",
        errors=(
            Code.LINK_EXPIRED,
            Code.EVENT_JOB_GET_FAILED_NO_JOB,
            Code.EVENT_JOB_GET_FAILED,
            Code.REQUEST_RANGE_NOT_SATISFIABLE,
            Code.SERVICE_UNAVAILABLE,
        ),
    ),
    Route(
        "POST",
        "/schedules",
        "Make Schedule",
        reports.add_schedule,
        tag="Schedules",
        signed_in=True,
        errors=_CHANGE,
    ),
    Route(
        "GET",
        "/schedules",
        "List Schedules",
        reports.list_schedules,
        tag="Schedules",
        signed_in=True,
        errors=(Code.REQUEST_PARAMETER_MALFORMED,),
    ),
    Route(
        "GET",
        "/schedules/{schedule}",
        "Show Schedule",
        reports.show_schedule,
        tag="Schedules",
        signed_in=True,
        errors=(Code.REQUEST_NOT_FOUND,),
    ),
    Route(
        "DELETE",
        "/schedules/{schedule}",
        "Remove Schedule",
        reports.remove_schedule,
        tag="Schedules",
        signed_in=True,
        errors=(Code.REQUEST_NOT_FOUND,),
    ),
    Route(
        "POST",
        "/schedules/{schedule}/pause",
        "Pause Schedule",
        reports.pause_schedule,
        tag="Schedules",
        signed_in=True,
        errors=(Code.REQUEST_NOT_FOUND, Code.REQUEST_UNSUPPORTED_MEDIA_TYPE),
    ),
    Route(
        "POST",
        "/schedules/{schedule}/resume",
        "Resume Schedule",
        reports.resume_schedule,
        tag="Schedules",
        signed_in=True,
        errors=(Code.REQUEST_NOT_FOUND, Code.REQUEST_UNSUPPORTED_MEDIA_TYPE),
    ),
    Route(
        "GET",
        "/quarantine",
        "List Quarantined Events",
        quarantine.list_quarantine,
        tag="Quarantine",
        signed_in=True,
        errors=(Code.REQUEST_PARAMETER_MALFORMED, Code.REQUEST_AUTHORIZATION_FAILURE),
    ),
    Route(
        "GET",
        "/quarantine/{batch}/{sequence}",
        "Show Quarantined Event",
        quarantine.show_quarantine,
        tag="Quarantine",
        signed_in=True,
        errors=(Code.REQUEST_AUTHORIZATION_FAILURE, Code.REQUEST_NOT_FOUND),
    ),
    Route(
        "POST",
        "/quarantine/release",
        "Release Quarantined Events",
        quarantine.release_quarantine,
        tag="Quarantine",
        signed_in=True,
        errors=_CHANGE,
    ),
    Route(
        "POST",
        "/quarantine/drop",
        "Drop Quarantined Events",
        quarantine.drop_quarantine,
        tag="Quarantine",
        signed_in=True,
        errors=_CHANGE,
    ),
    *(
        Route(
            "GET",
            f"/usage/{name}",
            summary,
            statistics.statistic(name),
            tag="Usage",
            signed_in=True,
            errors=(Code.REQUEST_PARAMETER_MALFORMED, Code.REQUEST_AUTHORIZATION_FAILURE, Code.REQUEST_NOT_ACCEPTABLE),
        )
        for name, summary in statistics.SUMMARIES.items()
    ),
    Route(
        "GET",
        "/usage/live",
        "Listen to Events",
        live.listen,
        tag="Usage",
        signed_in=True,
        errors=(Code.REQUEST_PARAMETER_MALFORMED, Code.REQUEST_AUTHORIZATION_FAILURE),
    ),
    Route("GET", "/usage/definitions", "Define the Numbers", statistics.show_definitions, tag="Usage", signed_in=True),
    Route("GET", "/plan", "Get Tracking Plan", service.show_plan, tag="Plan", signed_in=True),
    Route("GET", "/service/version", "Get Service Version", service.service_version, published=True),
    Route("GET", "/system/version", "Get Service Version, for older clients", service.system_version, published=True),
    Route(
        "GET",
        "/service/authenticate",
        "Get Service Version and User",
        service.authenticate,
        signed_in=True,
        published=True,
    ),
    Route("GET", "/healthz", "Check Health", service.health, errors=(Code.SERVICE_UNAVAILABLE,)),
    Route(
        "GET",
        "/metrics",
        "Read Metrics",
        service.show_metrics,
        signed_in=True,
        opened_by="metrics_public",
        errors=(Code.REQUEST_AUTHORIZATION_FAILURE,),
    ),
    Route("GET", "/openapi.json", "Get this description", service.openapi, public=False),
    Route("GET", "/docs", "Read this description", service.docs, public=False),
    Route("GET", "/docs/guides", "List the guides", guides.list_guides, public=False),
    Route("GET", "/docs/guides/{part}", "Read a guide", guides.show_guide, public=False),
    Route("GET", "/docs/guides/{part}/{name}", "Get what a guide shows", guides.show_attached, public=False),
    Route("GET", "/", "Go to the description", service.root, public=False),
)
