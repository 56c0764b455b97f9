"""The calls about quarantine, for admins: list, show, release and drop events that broke the tracking plan."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Annotated, Literal, TypeVar, get_args

import msgspec
from litestar import Response
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from footfall import windows
from footfall.errors import Code, Problem, RequestRefused
from footfall.journal import JournalError
from footfall.quarantine import START, Broken, Cursor, Held, Page, Selection, event_id
from footfall.store import StoreFailed, StoreRejected, StoreTimeout, StoreUnavailable, refuse_rejected
from footfall.validation import unit_mistake, unknown_keys
from footfall.web.calls.events import Batch
from footfall.web.calls.request import UNCACHED, SignedInRequest, read_json
from footfall.web.dependencies import Services
from footfall.wire import explain_syntax, mend_json

Change = TypeVar("Change", bound="QuarantineDrop")
Criteria = TypeVar("Criteria", "QuarantineFilter", "QuarantineQuery")

# Seconds that an answer waits until the change shows in the lists. The change is on disk before that.
SETTLE_S = 5
# `Retry-After` in seconds when the store or the journal is unavailable.
RETRY_AFTER_S = 5
# Events in a page, and event names in a request body: each costs some KiB here and in the store.
PAGE_EVENTS_MAX = 1_000
IDS_MAX = 1_000

Word = Annotated[str, Meta(max_length=1_000)]
# The pattern is for the OpenAPI document only: `extra_json_schema` checks nothing. `event_id` checks the name.
Name = Annotated[
    Word, Meta(extra_json_schema={"pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/[1-9][0-9]{0,5}$"})
]
Milliseconds = Annotated[
    int, Meta(ge=0, le=windows.TIME_MS_MAX, description="Milliseconds since 1970-01-01T00:00:00Z.")
]
Instant = Milliseconds | Annotated[str, Meta(description="A date such as 2026-10-01, or a time, in UTC or its offset.")]
Sequence = Annotated[str, PathParameter(description="The event's place in its request, from 1.")]

_EXPECTED = re.compile(r"Expected `([^`]+)`( of length)?(?: (<=|>=) (\d+))?(?:, got `([^`]+)`)?")
_KINDS = {
    "object": "an object",
    "array": "an array",
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
}
State = Literal["held", "released", "dropped", "all"]
STATES = get_args(State)
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
# The keys of the bodies and of their filters, from which the suggestion for an unknown key is taken.
BODY_KEYS = ("filter", "ids", "all", "setType", "dryRun")
FILTER_KEYS = ("customer", "product", "type", "reason", "since", "until")
_PLACE = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)


class _Criteria(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the query and the filter of a body have in common."""

    customer: Word = ""
    product: Word = ""
    type: Word = ""
    reason: Word = ""


class QuarantineFilter(_Criteria, kw_only=True, forbid_unknown_fields=True):
    """Which events; what is left out restricts nothing. `reason` is a part of the reason's text."""

    since: Instant | None = None
    until: Instant | None = None


class QuarantineQuery(_Criteria, kw_only=True, forbid_unknown_fields=True):
    """The query of the list. A time is left out or a number: `null` in a query is a text."""

    since: Instant | UnsetType = UNSET
    until: Instant | UnsetType = UNSET
    state: State = "held"
    limit: Annotated[int, Meta(ge=1, le=PAGE_EVENTS_MAX)] = 100
    after: str = ""


class QuarantineDrop(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which events to give up: by a filter, by names (`BATCH/SEQUENCE`), or both; `all` says that all are meant."""

    filter: QuarantineFilter | UnsetType = UNSET
    ids: Annotated[list[Name], Meta(min_length=1, max_length=IDS_MAX)] | UnsetType = UNSET
    all: bool = False


class QuarantineRelease(QuarantineDrop, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which events to release: by a filter, by names, or both; `all` says that all are meant.

    `setType` gives all of them another type first; with `dryRun` nothing is changed.
    """

    set_type: Word = ""
    dry_run: bool = False


class Released(Struct, frozen=True, kw_only=True):
    """What a release came to; `loaded` is whether it shows already, `stopped` why it ended too early."""

    released: int
    stayed: int
    broken: list[Broken]
    loaded: bool
    stopped: str | UnsetType = UNSET


class Dropped(Struct, frozen=True, kw_only=True):
    """What a drop came to; `loaded` and `stopped` as for a release."""

    dropped: int
    loaded: bool
    stopped: str | UnsetType = UNSET


async def list_quarantine(request: SignedInRequest, services: NamedDependency[Services]) -> Response[Page]:
    _require_admin(request)
    wanted = _read_query(request)
    with _refusing_malformed(Code.REQUEST_PARAMETER_MALFORMED, "after"):
        after = Cursor.parse(wanted.after) if wanted.after else START
    state = "" if wanted.state == "all" else wanted.state
    with _unavailable_as_503(""):
        page = await services.quarantine.page(_select(wanted, (), state), wanted.limit, after)
    return Response(page, headers=UNCACHED)


async def show_quarantine(
    request: SignedInRequest, services: NamedDependency[Services], batch: Batch, sequence: Sequence
) -> Response[Held]:
    _require_admin(request)
    try:
        wanted = event_id(f"{batch}/{sequence}")
    except ValueError as error:
        raise _event_not_found() from error
    with _unavailable_as_503(""):
        found = await services.quarantine.find(wanted)
    if found is None:
        raise _event_not_found()
    return Response(found, headers=UNCACHED)


async def release_quarantine(request: SignedInRequest, services: NamedDependency[Services]) -> Response[Released]:
    _require_admin(request)
    wanted = await _read_body(request, services, QuarantineRelease)
    if not wanted.dry_run:
        _require_choice(wanted)
    selection = _select(wanted.filter or QuarantineFilter(), _identify_all(wanted))
    with _unavailable_as_503():
        outcome = await services.quarantine.release(
            selection, request.user.id, set_type=wanted.set_type, dry_run=wanted.dry_run
        )
    answer = Released(
        released=outcome.changed,
        stayed=outcome.stayed,
        broken=outcome.broken[: services.settings.problems_max],
        loaded=await services.quarantine.wait_until_visible(outcome, SETTLE_S),
        stopped=outcome.stopped or UNSET,
    )
    return Response(answer, status_code=200, headers=UNCACHED)


async def drop_quarantine(request: SignedInRequest, services: NamedDependency[Services]) -> Response[Dropped]:
    _require_admin(request)
    wanted = await _read_body(request, services, QuarantineDrop)
    _require_choice(wanted)
    ids = _identify_all(wanted)
    with _unavailable_as_503():
        outcome = await services.quarantine.drop(_select(wanted.filter or QuarantineFilter(), ids), request.user.id)
    loaded = await services.quarantine.wait_until_visible(outcome, SETTLE_S)
    answer = Dropped(dropped=outcome.changed, loaded=loaded, stopped=outcome.stopped or UNSET)
    return Response(answer, status_code=200, headers=UNCACHED)


def _require_admin(request: SignedInRequest) -> None:
    if not request.user.admin:
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "quarantine is for admins only")


def _require_choice(wanted: QuarantineDrop) -> None:
    """Refuse a change that does not say which events: an empty body must not mean all of them."""
    chosen = wanted.ids is not UNSET or wanted.filter not in (UNSET, QuarantineFilter())
    if chosen is wanted.all:
        text = 'say which events, in "filter" or "ids", or {"all": true} for all that are held'
        why = f'"all" goes without "filter" and "ids": {text}' if chosen else text
        problem = Problem(Code.REQUEST_INPUT_MALFORMED, "body", why)
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "it is not said which events to change", (problem,))


def _select(wanted: QuarantineFilter | QuarantineQuery, ids: tuple[str, ...], state: str = "") -> Selection:
    return Selection(
        customer=wanted.customer,
        product=wanted.product,
        type=wanted.type,
        reason=wanted.reason,
        since=wanted.since if isinstance(wanted.since, int) else None,
        until=wanted.until if isinstance(wanted.until, int) else None,
        state=state,
        ids=ids,
    )


def _identify_all(wanted: QuarantineDrop) -> tuple[str, ...]:
    found = []
    for index, text in enumerate(wanted.ids or ()):
        with _refusing_malformed(Code.REQUEST_INPUT_MALFORMED, f"ids[{index}]"):
            found.append(event_id(text))
    return tuple(found)


def _read_query(request: SignedInRequest) -> QuarantineQuery:
    with _refusing_malformed(Code.REQUEST_PARAMETER_MALFORMED, "query"):
        wanted = msgspec.convert(dict(request.query_params), QuarantineQuery, strict=False)
    return _read_times(wanted, Code.REQUEST_PARAMETER_MALFORMED, "")


async def _read_body(request: SignedInRequest, services: Services, kind: type[Change]) -> Change:
    body = await read_json(request, services)
    _require_admin(request)
    with _refusing_malformed(Code.REQUEST_INPUT_MALFORMED, "body", body):
        wanted = msgspec.json.decode(mend_json(body) or b"{}", type=kind)
    if wanted.filter:
        read = _read_times(wanted.filter, Code.REQUEST_INPUT_MALFORMED, "filter.")
        wanted = structs.replace(wanted, filter=read)
    return wanted


def _read_times(wanted: Criteria, code: Code, prefix: str) -> Criteria:
    """The criteria with their times in ms. Raises RequestRefused.

    Times that look like seconds are refused: read as milliseconds they are in 1970, and select all events or none.
    """
    read: dict[str, int] = {}
    for name, time in (("since", wanted.since), ("until", wanted.until)):
        place, time_ms = f"{prefix}{name}", time if isinstance(time, int) else None
        if isinstance(time, str):
            # A plus that was not escaped in a URL arrives as a space.
            time_ms = windows.parse_instant(time.replace(" ", "+"), UTC, is_last=name == "until")
            # In JSON a number is no text.
            if time_ms is None or not 0 <= time_ms <= windows.TIME_MS_MAX or (prefix and time.isdigit()):
                raise _malformed(code, Problem(code, place, windows.INSTANTS))
        if time_ms is not None:
            if mistake := unit_mistake(place, time_ms):
                raise _malformed(code, mistake.problem(code))
            read[name] = time_ms
    return structs.replace(wanted, **read)


def _malformed(code: Code, problem: Problem) -> RequestRefused:
    return RequestRefused(code, "the request cannot be read: one thing is wrong", (problem,))


@contextmanager
def _refusing_malformed(code: Code, where: str, body: bytes = b"") -> Iterator[None]:
    """Turn a decoding error into a refusal, which names the place in the request where the error tells it."""
    try:
        yield
    except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
        why, place = str(error), where
        if found := _PLACE.fullmatch(why):
            why, place = found[1], found[2] or where
        if unknown := _UNKNOWN.match(str(error)):
            place, why = _tell_unknown(unknown[1], place)
        elif why.startswith("Invalid enum value"):
            why = f"must be one of: {', '.join(STATES)}"
        elif expected := _EXPECTED.fullmatch(why):
            why = _tell_expected(expected)
            if code is Code.REQUEST_PARAMETER_MALFORMED:
                why = why.partition(", not ")[0]  # Every value of a query is a string.
        elif body and isinstance(error, (msgspec.DecodeError, UnicodeDecodeError)):
            why = explain_syntax(body, error)
        text = "the request cannot be read: one thing is wrong"
        raise RequestRefused(code, text, (Problem(code, place, why),)) from error


def _tell_expected(found: re.Match[str]) -> str:
    """What msgspec expected, in words: "must be an object, not an array", "must be an integer of at least 1"."""
    kinds, length, bound, number, given = found.groups()
    said = "must be " + " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | ") if kind != "null")
    if bound:
        said += f" of {'length ' if length else ''}{'at most' if bound == '<=' else 'at least'} {number}"
    return f"{said}, not {_KINDS.get(given, given)}" if given else said


def _tell_unknown(key: str, place: str) -> tuple[str, str]:
    """The place of a key that does not belong where it is, and why; it may be one of another call, or of the filter."""
    in_filter = place == "filter"
    known = (*(() if in_filter else BODY_KEYS), *(FILTER_KEYS if place != "body" else ()))
    others = {name: f"filter.{name}" for name in FILTER_KEYS} if place == "body" else {}
    prefix = "filter." if in_filter else ""
    (mistake,) = unknown_keys((key,), tuple(name for name in known if name != key), 1, prefix, others)
    return mistake.where, mistake.why


@contextmanager
def _unavailable_as_503(unharmed: str = "; nothing was changed") -> Iterator[None]:
    """Turn an unavailable or failing store or journal into a 503, after which the client may try again."""
    try:
        yield
    except StoreRejected as error:
        raise refuse_rejected("the quarantine cannot be searched", error) from error
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        text = f"the events store does not answer now{unharmed}"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S) from error
    except JournalError as error:
        text = "the change cannot be made durable now; nothing was changed"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S) from error


def _event_not_found() -> RequestRefused:
    return RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such event in quarantine")
