"""From a request to a job, as a pure function: what the report is pinned to, and how its file is called."""

from typing import Any

from msgspec import UNSET, structs

from footfall.errors import Code, Problem, RequestRefused
from footfall.reports import draft, formats, names
from footfall.reports.request import ReportRequest
from footfall.settings import Settings
from footfall.state import Job, JobBounds, JobStatus, User
from footfall.wire import ReportFilter


def order(
    user: User, wanted: ReportRequest, job_id: str, now_ms: int, earlier: Job | None, latest_ms: int | None = None
) -> Job:
    """The job of a request. `earlier` is the report that `wanted.since` names. Raises RequestRefused.

    `latest_ms` is how late it is on the node whose clock is the furthest ahead, where that is not this one.

    The watermark is the time of the order, or the one that was asked for. With `earlier`, the report has what was
    admitted after that one's watermark.
    """
    watermark_ms = now_ms if wanted.as_of is UNSET else wanted.as_of
    if watermark_ms > (latest_ms or now_ms):
        raise refuse(
            "output.asOf", f"must not be later than now, {latest_ms or now_ms}: what comes until then is not known"
        )
    if earlier is not None:
        _require_sequel(wanted, earlier)
    file = names.file_name(job_id, wanted.filter, now_ms, formats.suffix(wanted.format, wanted.compression))
    return Job(
        id=job_id,
        user=user.id,
        account=user.account,
        filter=wanted.filter,
        delimiter=wanted.delimiter,
        header=wanted.header,
        format=wanted.format,
        compression=wanted.compression,
        times=wanted.times,
        safe=wanted.safe,
        basis=wanted.basis,
        duplicates=wanted.duplicates,
        destination=None if wanted.bucket is UNSET else wanted.bucket,
        destination_key=None if wanted.bucket is UNSET else file if wanted.bucket_key is UNSET else wanted.bucket_key,
        output=wanted.output,
        started_ms=now_ms,
        watermark_ms=watermark_ms,
        since_ms=None if earlier is None else earlier.watermark_ms,
        manifest=draft.begin(slip.text for slip in wanted.slips),
        file=file,
    )


def job_bounds(settings: Settings) -> JobBounds:
    """How many reports a user may have."""
    return JobBounds(
        settings.reports_running_max,
        settings.reports_stored_max,
        settings.reports_ended_max,
        settings.reports_ended_chars_max,
    )


def refuse(where: str, why: str) -> RequestRefused:
    """The refusal of a request that reads well, but asks for what cannot be."""
    code = Code.REQUEST_PARAMETER_MALFORMED
    return RequestRefused(code, "the report cannot be started: one thing is wrong", (Problem(code, where, why),))


def _require_sequel(wanted: ReportRequest, earlier: Job) -> None:
    """What came since is only that if both reports select the same events, and the earlier one's watermark stands."""
    if _selected(wanted) != _selected(earlier):
        raise refuse("output.since", "names a report of another filter, filter.basis or duplicates")
    if earlier.status is not JobStatus.COMPLETE:
        raise refuse("output.since", f"names a report that is {earlier.status}: only one that is COMPLETE has a sequel")
    if wanted.as_of is not UNSET and wanted.as_of < earlier.watermark_ms:
        raise refuse("output.asOf", f"must not be earlier than the watermark of output.since, {earlier.watermark_ms}")


def _selected(asked: ReportRequest | Job) -> tuple[Any, ...]:
    """Which events are asked for. Types have no order, and to name none of them is to ask for all."""
    wanted: ReportFilter = asked.filter
    types = frozenset() if wanted.types is UNSET else frozenset(wanted.types)
    return structs.replace(wanted, types=UNSET), types, asked.basis, asked.duplicates
