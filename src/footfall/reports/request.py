"""The body of `POST /reports`: parsed, with everything that is wrong named at once, and made into a job."""

from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, UnsetType, structs

from footfall.errors import Code, Problem, RequestRefused
from footfall.plan import Plan
from footfall.reports import encoding, files, status
from footfall.reports.body_reader import BodyReader, Part, body_keys
from footfall.reports.query.layout import columns_problem
from footfall.reports.request_body import ReportRequest, ReportRequestFilter, ReportRequestOutput
from footfall.reports.selection import filter_customers, filter_products, visible_filter
from footfall.settings import Settings
from footfall.state import Job, JobBounds, JobStatus, User
from footfall.usage import EVERY, ParameterReader, parse_condition
from footfall.validation import Mistake
from footfall.wire import ReportFilter, ReportOutput

_DELIMITERS = "must be one character, and neither a double quote, nor CR, LF or NUL"
# Where keys belong that stand in the wrong part of a body.
_KEY_PATHS = {
    **{key: key for key in body_keys(ReportRequest)},
    **{key: f"filter.{key}" for key in body_keys(ReportRequestFilter)},
    **{key: f"output.{key}" for key in body_keys(ReportRequestOutput)},
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


def parse_report_request(
    body: bytes, settings: Settings, plan: Plan | None = None, *, strict: bool = False
) -> ReportSpec:
    """Parse the body of `POST /reports`, or with `strict` of an estimate, which is refused for mistakes too.

    The plan knows the context keys of conditions; without one they are not looked up. Raises RequestRefused with all
    problems.
    """
    goal = "the report cannot be estimated" if strict else "the report cannot be started"
    reader = BodyReader(settings, strict=strict, goal=goal)
    found = reader.decode(body)
    check_keys(reader, found, ReportRequest)
    request = read_report_request(reader, found, plan)
    reader.refuse()
    return request


def check_keys(reader: BodyReader, found: dict[str, Any], shape: type[Struct]) -> None:
    """Report the unknown keys of a body of this shape, and those of its filter and output that no report has."""
    Part(reader, found, shape).check_keys(_KEY_PATHS)
    for name, part_shape in (("filter", ReportRequestFilter), ("output", ReportRequestOutput)):
        if isinstance(part := found.get(name), dict):
            Part(reader, part, part_shape, f"{name}.").check_keys(_KEY_PATHS)


def read_report_request(reader: BodyReader, found: dict[str, Any], plan: Plan | None = None) -> ReportSpec:
    """The request in a body; its problems are collected in `reader`."""
    body = Part(reader, found, ReportRequest)
    _read_view(body)
    wanted = body.part("filter")
    output = body.part("output")
    timezone = wanted.timezone("timezone")
    file_format = output.choice("format")
    selected = _filter(reader, wanted, timezone, plan)
    return ReportSpec(
        filter=selected,
        basis=wanted.choice("basis"),
        delimiter=output.character("delimiter", _DELIMITERS),
        header=output.flag("header"),
        format=file_format,
        compression=output.choice("compression", encoding.COMPRESSIONS[file_format]),
        times=_times(output, file_format),
        safe=_safe(output, file_format),
        as_of=output.time("asOf", timezone, is_last=True),
        since=output.text("since"),
        duplicates=body.choice("duplicates"),
        bucket=_destination(reader.settings, output, selected),
        bucket_key=_destination_key(output),
        output=_echo(output),
        mistakes=tuple(reader.mistakes),
    )


def _read_view(body: Part) -> None:
    """Collect the problem of a view that nobody has put into the body before (`footfall.views`)."""
    if body.text("view") is not UNSET:
        body.wrong("view", "is taken by the calls of the API alone: say filter here")


def _filter(reader: BodyReader, wanted: Part, timezone: ZoneInfo, plan: Plan | None) -> ReportFilter:
    start = wanted.time("start", timezone)
    end = wanted.time("end", timezone, is_last=True)
    if start is not UNSET and end is not UNSET and start > end:
        wanted.wrong("start", f"must not be later than filter.end, {end}")
    customer, customers = _scope(reader, wanted, "customer", "customers")
    product, products = _scope(reader, wanted, "product", "products")
    found = ReportFilter(
        customer=customer,
        customers=customers,
        product=product,
        products=products,
        types=wanted.codes("types"),
        versions=wanted.codes("versions"),
        start=start,
        end=end,
    )
    if products is not UNSET and plan is not None:
        names = () if EVERY in products else products
        if why := columns_problem(plan, names):
            wanted.wrong("products", why)
    return structs.replace(found, where=_conditions(reader, wanted, filter_products(found), plan))


def _scope(
    reader: BodyReader, wanted: Part, one: str, several: str
) -> tuple[str | UnsetType, tuple[str, ...] | UnsetType]:
    """What the filter names under one of two keys: a customer or several, a product or several."""
    if wanted.value(several) is None:
        return wanted.code(one), UNSET
    names = wanted.codes(several)
    if names is UNSET or not all(isinstance(name, str) for name in names):
        return UNSET, (EVERY,)  # The problem is known.
    if wanted.value(one) is not None:
        wanted.wrong(several, f"must not stand beside filter.{one}: name them all here")
    if not names or "" in names:
        wanted.wrong(several, f'must be an array of codes, or ["{EVERY}"] for all that you may see')
        return UNSET, (EVERY,)
    found = tuple(dict.fromkeys(names))
    if len(found) > reader.settings.usage_scope_max:
        wanted.wrong(several, f"must name {reader.settings.usage_scope_max} {several} at the most")
    return UNSET, (EVERY,) if EVERY in found else found


def _conditions(
    reader: BodyReader, wanted: Part, products: tuple[str, ...], plan: Plan | None
) -> tuple[str, ...] | UnsetType:
    """The conditions on context keys, as statistics read them."""
    texts = wanted.value("where")
    if texts is None:
        return UNSET
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        wanted.wrong("where", "must be an array of conditions such as userId:is:ada")
        return UNSET
    if plan is None:
        if not all(map(parse_condition, texts)):
            wanted.wrong("where", "must be an array of conditions such as userId:is:ada")
        return tuple(texts) or UNSET
    conditions = ParameterReader({"where": texts}, reader.settings, plan)
    found = conditions.conditions("where", products)
    try:
        conditions.refuse()
    except RequestRefused as error:
        for problem in error.problems:
            wanted.wrong("where", problem.why)
    return tuple(map(str, found)) or UNSET


def _times(output: Part, file_format: str) -> str:
    times = output.choice("times")
    if times != "ms" and file_format not in encoding.TEXTS:
        output.wrong("times", f"is for {' and '.join(encoding.TEXTS)}; in {file_format} times have a type")
    elif times == "excel" and file_format != "csv":
        output.wrong("times", f"is excel for csv alone, which spreadsheets open, not for {file_format}")
    return times


def _safe(output: Part, file_format: str) -> bool:
    safe = output.flag("spreadsheetSafe")
    if safe and file_format != "csv":
        output.wrong("spreadsheetSafe", f"is for csv, which spreadsheets open, not for {file_format}")
    return safe


def _destination(settings: Settings, output: Part, wanted: ReportFilter) -> str | UnsetType:
    """The name of a destination that the settings allow for the filter's customers; UNSET where none was sent.

    For a `*` it is looked at again when it is known whom that means.
    """
    found = output.text("bucketName")
    if found is UNSET:
        return UNSET
    known = settings.destinations.get(found)
    are_known = EVERY not in (wanted.customers or ())
    if known is None or (are_known and not files.takes_all(known, wanted)):
        output.wrong("bucketName", _no_destination(found))
    return found


def _no_destination(name: str) -> str:
    return f"no destination named {name[:100]!r} is configured"


def visible_request(
    user: User, wanted: ReportSpec, settings: Settings, earlier: ReportFilter | None = None
) -> ReportSpec:
    """The request with the customers whom a `*` means; of an `earlier` filter of the same request only its customers.

    Raises RequestRefused where the user may not see a customer, or may not send these to the destination.
    """
    selected = visible_filter(user, wanted.filter)
    if earlier is not None and wanted.filter.customers == (EVERY,) and earlier.customers not in (UNSET, (EVERY,)):
        visible = filter_customers(selected)
        both = tuple(name for name in filter_customers(earlier) if EVERY in visible or name in visible)
        selected = structs.replace(selected, customers=both or visible)
    if wanted.bucket is not UNSET and not files.takes_all(settings.destinations[wanted.bucket], selected):
        raise refuse_request("output.bucketName", _no_destination(wanted.bucket))
    return structs.replace(wanted, filter=selected)


def _destination_key(output: Part) -> str | UnsetType:
    """The key of a file at its destination; UNSET where none was sent."""
    found = output.text("bucketKey")
    if found is not UNSET and (why := files.key_problem(found)):
        output.wrong("bucketKey", why)
    if isinstance(output.value("bucketKey"), str) and output.value("bucketName") is None:
        output.wrong("bucketKey", "needs output.bucketName, the destination")
    return found


def _echo(output: Part) -> ReportOutput | UnsetType:
    """The three keys of the output that the status echoes; UNSET where the body has none of them."""
    shown = {key: output.value(key) for key in ("delimiter", "bucketName", "bucketKey")}
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
    """What selects events, comparable. Names have no order, and none mean all."""
    wanted: ReportFilter = asked.filter
    lists = (wanted.types, wanted.versions, wanted.where, filter_customers(wanted), filter_products(wanted))
    are_all = EVERY in (wanted.customers or ()), EVERY in (wanted.products or ())
    names = tuple(frozenset(each or ()) for each in lists)
    return names, are_all, wanted.start, wanted.end, asked.basis, asked.duplicates
