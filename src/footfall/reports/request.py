"""What a report asks for: the body of `POST /reports`, and the job that it becomes."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from footfall.errors import Code, Problem, RequestRefused
from footfall.reports import encoding, files, status
from footfall.reports.body_reader import Reading
from footfall.settings import Settings
from footfall.state import Job, JobBounds, JobStatus, User
from footfall.usage import DUPLICATES
from footfall.validation import Slip
from footfall.wire import ReportFilter, ReportOutput

# What a report asks for: the body of `POST /reports`, read once, with everything that is wrong named at once.


BASES = ("event", "received")
TIMES = ("ms", "rfc3339")
# The keys of a body, and of its parts.
KEYS = ("filter", "output", "duplicates")
FILTER_KEYS = ("customer", "product", "types", "start", "end", "basis")
OUTPUT_KEYS = (
    *("format", "compression", "delimiter", "header", "times", "spreadsheetSafe"),
    *("asOf", "since", "bucketName", "bucketKey"),
)
_PLACES = {
    **{key: key for key in KEYS},
    **{key: f"filter.{key}" for key in FILTER_KEYS},
    **{key: f"output.{key}" for key in OUTPUT_KEYS},
}


class ReportSpec(Struct, frozen=True, kw_only=True):
    """`filter` and `output` are what the status echoes; the rest is what the file is made with, and where it goes.

    `as_of` is a watermark in ms, `since` the source of an earlier report, both UNSET where none was sent. `slips` is
    what may have been meant otherwise.
    """

    filter: ReportFilter
    basis: str
    delimiter: str
    header: bool
    format: str
    compression: str
    times: str
    safe: bool
    as_of: int | UnsetType
    since: str | UnsetType
    duplicates: str
    bucket: str | UnsetType
    bucket_key: str | UnsetType
    output: ReportOutput | UnsetType
    slips: tuple[Slip, ...] = ()


def parse_report_request(body: bytes, settings: Settings, *, strict: bool = False) -> ReportSpec:
    """Read the body of `POST /reports`. Raises RequestRefused, naming everything that is wrong; slips where strict."""
    reading = Reading(settings, strict=strict)
    found = reading.body(body)
    look_for_strange_keys(reading, found, KEYS)
    request = read_report_request(reading, found)
    reading.refuse()
    return request


def look_for_strange_keys(reading: Reading, found: dict[str, Any], known: tuple[str, ...]) -> None:
    """Note down the keys that are none of the known ones, in the body, and in its filter and output."""
    reading.keys(found, known, "", _PLACES)
    for name, part_keys in (("filter", FILTER_KEYS), ("output", OUTPUT_KEYS)):
        if isinstance(part := found.get(name), dict):
            reading.keys(part, part_keys, f"{name}.", _PLACES)


def read_report_request(reading: Reading, found: dict[str, Any]) -> ReportSpec:
    """The request in a body; what is wrong with it is told to `reading`."""
    wanted = reading.part(found, "filter", required=True)
    output = reading.part(found, "output", required=False)
    file_format = reading.choice(output, "output.format", encoding.FORMATS)
    return ReportSpec(
        filter=_filter(reading, wanted),
        basis=reading.choice(wanted, "filter.basis", BASES),
        delimiter=reading.delimiter(output),
        header=reading.flag(output, "output.header"),
        format=file_format,
        compression=reading.choice(output, "output.compression", encoding.COMPRESSIONS[file_format]),
        times=_times(reading, output, file_format),
        safe=_safe(reading, output, file_format),
        as_of=reading.time(output, "output.asOf"),
        since=reading.text(output, "output.since"),
        duplicates=reading.choice(found, "duplicates", DUPLICATES),
        bucket=reading.destination(output, wanted),
        bucket_key=reading.key(output),
        output=_echo(output),
        slips=tuple(reading.slips),
    )


def _filter(reading: Reading, wanted: dict[str, Any]) -> ReportFilter:
    start = reading.time(wanted, "filter.start")
    end = reading.time(wanted, "filter.end")
    if start is not UNSET and end is not UNSET and start > end:
        reading.wrong("filter.start", f"must not be later than filter.end, {end}")
    return ReportFilter(
        customer=reading.name(wanted, "filter.customer"),
        product=reading.name(wanted, "filter.product"),
        types=reading.types(wanted),
        start=start,
        end=end,
    )


def _times(reading: Reading, output: dict[str, Any], file_format: str) -> str:
    times = reading.choice(output, "output.times", TIMES)
    if times != TIMES[0] and file_format not in encoding.TEXTS:
        reading.wrong("output.times", f"is for {' and '.join(encoding.TEXTS)}; in {file_format} times have a type")
    return times


def _safe(reading: Reading, output: dict[str, Any], file_format: str) -> bool:
    safe = reading.flag(output, "output.spreadsheetSafe")
    if safe and file_format != "csv":
        reading.wrong("output.spreadsheetSafe", f"is for csv, which spreadsheets open, not for {file_format}")
    return safe


def _echo(output: dict[str, Any]) -> ReportOutput | UnsetType:
    """The status shows these three keys, where the request carried one of them."""
    shown = {key: output.get(key) for key in ("delimiter", "bucketName", "bucketKey")}
    if not any(isinstance(value, str) for value in shown.values()):
        return UNSET
    return ReportOutput(**{key: value if isinstance(value, str) else UNSET for key, value in shown.items()})


# From a request to a job, as a pure function: what the report is pinned to, and how its file is called.


def make_job(
    user: User, wanted: ReportSpec, job_id: str, now_ms: int, earlier: Job | None, latest_ms: int | None = None
) -> Job:
    """The job of a request. `earlier` is the report that `wanted.since` names. Raises RequestRefused.

    `latest_ms` is how late it is on the node whose clock is the furthest ahead, where that is not this one.

    The watermark is the time of the order, or the one that was asked for. With `earlier`, the report has what was
    admitted after that one's watermark.
    """
    watermark_ms = now_ms if wanted.as_of is UNSET else wanted.as_of
    if watermark_ms > (latest_ms or now_ms):
        raise refuse_request(
            "output.asOf", f"must not be later than now, {latest_ms or now_ms}: what comes until then is not known"
        )
    if earlier is not None:
        _require_sequel(wanted, earlier)
    file = files.file_name(job_id, wanted.filter, now_ms, encoding.file_suffix(wanted.format, wanted.compression))
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
        manifest=status.begin_draft(slip.text for slip in wanted.slips),
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


def refuse_request(where: str, why: str) -> RequestRefused:
    """The refusal of a request that reads well, but asks for what cannot be."""
    code = Code.REQUEST_PARAMETER_MALFORMED
    return RequestRefused(code, "the report cannot be started: one thing is wrong", (Problem(code, where, why),))


def _require_sequel(wanted: ReportSpec, earlier: Job) -> None:
    """What came since is only that if both reports select the same events, and the earlier one's watermark stands."""
    if _selected(wanted) != _selected(earlier):
        raise refuse_request("output.since", "names a report of another filter, filter.basis or duplicates")
    if earlier.status is not JobStatus.COMPLETE:
        raise refuse_request(
            "output.since", f"names a report that is {earlier.status}: only one that is COMPLETE has a sequel"
        )
    if wanted.as_of is not UNSET and wanted.as_of < earlier.watermark_ms:
        raise refuse_request(
            "output.asOf", f"must not be earlier than the watermark of output.since, {earlier.watermark_ms}"
        )


def _selected(asked: ReportSpec | Job) -> tuple[Any, ...]:
    """Which events are asked for. Types have no order, and to name none of them is to ask for all."""
    wanted: ReportFilter = asked.filter
    types = frozenset() if wanted.types is UNSET else frozenset(wanted.types)
    return structs.replace(wanted, types=UNSET), types, asked.basis, asked.duplicates
