"""What a report asks for: the body of `POST /reports`, read once, with everything that is wrong named at once."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from footfall.reports import formats
from footfall.reports.reading import Reading
from footfall.settings import Settings
from footfall.usage import DUPLICATES
from footfall.wire import ReportFilter, ReportOutput

BASES = ("event", "received")
TIMES = ("ms", "rfc3339")


class ReportRequest(Struct, frozen=True, kw_only=True):
    """`filter` and `output` are what the status echoes; the rest is what the file is made with, and where it goes.

    `as_of` is a watermark in ms, `since` the source of an earlier report, both UNSET where none was sent.
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


def parse(body: bytes, settings: Settings) -> ReportRequest:
    """Read the body of `POST /reports`. Raises RequestRefused, naming everything that is wrong."""
    reading = Reading(settings)
    found = reading.body(body)
    request = read(reading, found)
    reading.refuse()
    return request


def read(reading: Reading, found: dict[str, Any]) -> ReportRequest:
    """The request in a body; what is wrong with it is told to `reading`."""
    wanted = reading.part(found, "filter", required=True)
    output = reading.part(found, "output", required=False)
    file_format = reading.choice(output, "output.format", formats.FORMATS)
    return ReportRequest(
        filter=_filter(reading, wanted),
        basis=reading.choice(wanted, "filter.basis", BASES),
        delimiter=reading.delimiter(output),
        header=reading.flag(output, "output.header"),
        format=file_format,
        compression=reading.choice(output, "output.compression", formats.COMPRESSIONS[file_format]),
        times=_times(reading, output, file_format),
        safe=_safe(reading, output, file_format),
        as_of=reading.time(output, "output.asOf"),
        since=reading.text(output, "output.since"),
        duplicates=reading.choice(found, "duplicates", DUPLICATES),
        bucket=reading.destination(output, wanted),
        bucket_key=reading.key(output),
        output=_echo(output),
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
    if times != TIMES[0] and file_format not in formats.TEXTS:
        reading.wrong("output.times", f"is for {' and '.join(formats.TEXTS)}; in {file_format} times have a type")
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
