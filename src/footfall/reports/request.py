"""The body of `POST /reports`: parsed, with everything that is wrong named at once, and made into a job."""

from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType, structs

from footfall.errors import Code, Problem, RequestRefused
from footfall.reports import encoding, files, status
from footfall.reports.body_reader import BodyReader
from footfall.settings import Settings
from footfall.state import Job, JobBounds, JobStatus, User
from footfall.usage import DUPLICATES
from footfall.validation import Mistake
from footfall.wire import ReportFilter, ReportOutput

BASES = ("event", "received")
TIMES = ("ms", "rfc3339", "excel")
# The keys of a body and of its parts.
KEYS = ("filter", "output", "duplicates")
FILTER_KEYS = ("customer", "product", "types", "start", "end", "timezone", "basis")
OUTPUT_KEYS = (
    *("format", "compression", "delimiter", "header", "times", "spreadsheetSafe"),
    *("asOf", "since", "bucketName", "bucketKey"),
)
_KEY_PATHS = {
    **{key: key for key in KEYS},
    **{key: f"filter.{key}" for key in FILTER_KEYS},
    **{key: f"output.{key}" for key in OUTPUT_KEYS},
}


class ReportSpec(Struct, frozen=True, kw_only=True):
    """A parsed body. The status echoes `filter` and `output`; the rest says how the file is made and where it goes.

    `as_of` is a watermark in ms, `since` the source of an earlier report; both are UNSET where none was sent.
    `mistakes` are only likely: the report is made.
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
    mistakes: tuple[Mistake, ...] = ()


def parse_report_request(body: bytes, settings: Settings, *, strict: bool = False) -> ReportSpec:
    """Parse the body of `POST /reports`. Raises RequestRefused with all problems; with `strict`, also for mistakes."""
    reader = BodyReader(settings, strict=strict)
    found = reader.body(body)
    check_keys(reader, found, KEYS)
    request = read_report_request(reader, found)
    reader.refuse()
    return request


def check_keys(reader: BodyReader, found: dict[str, Any], known: tuple[str, ...]) -> None:
    """Report the unknown keys of the body, and of its filter and output."""
    reader.keys(found, known, "", _KEY_PATHS)
    for name, part_keys in (("filter", FILTER_KEYS), ("output", OUTPUT_KEYS)):
        if isinstance(part := found.get(name), dict):
            reader.keys(part, part_keys, f"{name}.", _KEY_PATHS)


def read_report_request(reader: BodyReader, found: dict[str, Any]) -> ReportSpec:
    """The request in a body; its problems are collected in `reader`."""
    wanted = reader.part(found, "filter", required=True)
    output = reader.part(found, "output", required=False)
    timezone = reader.timezone(wanted, "filter.timezone")
    file_format = reader.choice(output, "output.format", encoding.FORMATS)
    return ReportSpec(
        filter=_filter(reader, wanted, timezone),
        basis=reader.choice(wanted, "filter.basis", BASES),
        delimiter=reader.delimiter(output),
        header=reader.flag(output, "output.header"),
        format=file_format,
        compression=reader.choice(output, "output.compression", encoding.COMPRESSIONS[file_format]),
        times=_times(reader, output, file_format),
        safe=_safe(reader, output, file_format),
        as_of=reader.time(output, "output.asOf", timezone, is_last=True),
        since=reader.text(output, "output.since"),
        duplicates=reader.choice(found, "duplicates", DUPLICATES),
        bucket=reader.destination(output, wanted),
        bucket_key=reader.key(output),
        output=_echo(output),
        mistakes=tuple(reader.mistakes),
    )


def _filter(reader: BodyReader, wanted: dict[str, Any], timezone: ZoneInfo) -> ReportFilter:
    start = reader.time(wanted, "filter.start", timezone)
    end = reader.time(wanted, "filter.end", timezone, is_last=True)
    if start is not UNSET and end is not UNSET and start > end:
        reader.wrong("filter.start", f"must not be later than filter.end, {end}")
    return ReportFilter(
        customer=reader.name(wanted, "filter.customer"),
        product=reader.name(wanted, "filter.product"),
        types=reader.types(wanted),
        start=start,
        end=end,
    )


def _times(reader: BodyReader, output: dict[str, Any], file_format: str) -> str:
    times = reader.choice(output, "output.times", TIMES)
    if times != TIMES[0] and file_format not in encoding.TEXTS:
        reader.wrong("output.times", f"is for {' and '.join(encoding.TEXTS)}; in {file_format} times have a type")
    elif times == "excel" and file_format != "csv":
        reader.wrong("output.times", f"is excel for csv alone, which spreadsheets open, not for {file_format}")
    return times


def _safe(reader: BodyReader, output: dict[str, Any], file_format: str) -> bool:
    safe = reader.flag(output, "output.spreadsheetSafe")
    if safe and file_format != "csv":
        reader.wrong("output.spreadsheetSafe", f"is for csv, which spreadsheets open, not for {file_format}")
    return safe


def _echo(output: dict[str, Any]) -> ReportOutput | UnsetType:
    """The three keys of the output that the status echoes; UNSET where the body has none of them."""
    shown = {key: output.get(key) for key in ("delimiter", "bucketName", "bucketKey")}
    if not any(isinstance(value, str) for value in shown.values()):
        return UNSET
    return ReportOutput(**{key: value if isinstance(value, str) else UNSET for key, value in shown.items()})


def make_job(
    user: User, wanted: ReportSpec, job_id: str, now_ms: int, earlier: Job | None, latest_ms: int | None = None
) -> Job:
    """The job of a request, with its watermark and its file's name. Raises RequestRefused.

    The watermark is `now_ms`, or the one that was asked for, which may be as late as `latest_ms`, the latest clock of
    any node. `earlier` is the report that `wanted.since` names: this report has only what was admitted after its
    watermark.
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
        manifest=status.draft_manifest(mistake.text for mistake in wanted.mistakes),
        file=file,
    )


def job_bounds(settings: Settings) -> JobBounds:
    """The bounds on the number of a user's reports."""
    return JobBounds(
        settings.reports_running_max,
        settings.reports_stored_max,
        settings.reports_ended_max,
        settings.reports_ended_chars_max,
    )


def refuse_request(where: str, why: str) -> RequestRefused:
    """The refusal of a well-formed request for a report that cannot be made."""
    code = Code.REQUEST_PARAMETER_MALFORMED
    return RequestRefused(code, "the report cannot be started: one thing is wrong", (Problem(code, where, why),))


def _require_sequel(wanted: ReportSpec, earlier: Job) -> None:
    """Refuse a sequel of a report that selects other events, is not complete, or has a later watermark."""
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
    """What selects events, comparable. Types have no order; no types means all types."""
    wanted: ReportFilter = asked.filter
    types = frozenset() if wanted.types is UNSET else frozenset(wanted.types)
    return structs.replace(wanted, types=UNSET), types, asked.basis, asked.duplicates
