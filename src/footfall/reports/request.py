"""What a report asks for: the body of `POST /reports`, read once, with everything that is wrong named at once."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from footfall.reports import formats
from footfall.reports.reading import Reading
from footfall.settings import Settings
from footfall.slips import Slip
from footfall.usage import DUPLICATES
from footfall.wire import ReportFilter, ReportOutput

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


class ReportRequest(Struct, frozen=True, kw_only=True):
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


def parse(body: bytes, settings: Settings, *, strict: bool = False) -> ReportRequest:
    """Read the body of `POST /reports`. Raises RequestRefused, naming everything that is wrong; slips where strict."""
    reading = Reading(settings, strict=strict)
    found = reading.body(body)
    look_for_strange_keys(reading, found, KEYS)
    request = read(reading, found)
    reading.refuse()
    return request


def look_for_strange_keys(reading: Reading, found: dict[str, Any], known: tuple[str, ...]) -> None:
    """Note down the keys that are none of the known ones, in the body, and in its filter and output."""
    reading.keys(found, known, "", _PLACES)
    for name, part_keys in (("filter", FILTER_KEYS), ("output", OUTPUT_KEYS)):
        if isinstance(part := found.get(name), dict):
            reading.keys(part, part_keys, f"{name}.", _PLACES)


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
