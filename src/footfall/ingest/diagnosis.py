"""The diagnosis of a body that cannot be decoded at once: item by item, each fault told by its place.

Some of it is right all the same, such as a timestamp of 1.0. Every value is first taken as raw text, and decoded once
it is known to belong to an event, so that neither the number of items nor foreign keys make objects.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import astuple

from footfall.errors import Code, Problem, RequestRefused
from footfall.ingest.batch_ids import BatchedEvent
from footfall.settings import Settings
from footfall.wire import explain_syntax, mend_json

# An array of so many bytes is split at once: it has at most half as many items, of 80 bytes each.
_SHORT_ARRAY_BYTES_MAX = 256 * 1024
# Items of one pass: one more than the events that a request may have by default. Each field costs 600 bytes.
ITEMS_AT_ONCE = 10_001
_GAP = re.compile(rb"[ \t\r\n]*+,?[ \t\r\n]*+")

_decode_all = msgspec.json.Decoder(list[Raw]).decode


class Faults:
    """The problems of one request, each place once, in the order of the body; no more than an error names."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.problems_max
        self._problems: list[Problem] = []

    def add(self, where: str, why: str) -> None:
        """Add a problem. Raises RequestRefused when an error names no more: the rest of the body is not read."""
        if len(self._problems) == self._most:
            raise self._refusal("at least ")
        self._problems.append(Problem(Code.REQUEST_INPUT_MALFORMED, where, why))

    def refuse(self) -> None:
        """Raise RequestRefused when there is a problem."""
        if self._problems:
            raise self._refusal()

    def _refusal(self, least: str = "") -> RequestRefused:
        noun = "one thing is" if len(self._problems) == 1 else f"{len(self._problems)} things are"
        text = f"the request cannot be read: {least}{noun} wrong"
        return RequestRefused(Code.REQUEST_INPUT_MALFORMED, text, tuple(self._problems))


def too_many(found: str, settings: Settings) -> RequestRefused:
    """The refusal of a request with too many events."""
    problem = Problem(Code.REQUEST_TOO_LARGE, "events", f"{found}: send them in several requests")
    text = f"a request takes {settings.batch_events_max} events at the most"
    return RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,))


# Events up to this length are decoded at once first: their objects are freed soon, or checked against the bounds.
_EVENT_BYTES_MAX = 64 * 1024
_EMPTY = re.compile(rb"[ \t\r\n]*+\{[ \t\r\n]*+\}[ \t\r\n]*+")

_EXPECTED = {
    "customer": "must be a string",
    "product": "must be a string",
    "type": "must be a string",
    "timestamp": "must be an integral number of milliseconds since 1970-01-01T00:00:00Z",
    "context": "must be an array of strings",
    "version": "must be a string, or left out",
}
# Keys that other services use for `events`, and misspellings of it.
_SIMILAR_KEYS = (
    *("Events", "EVENTS", "event", "Event", "evens", "evnts", "eventList", "batch", "Batch", "data", "items"),
    *("list", "logs", "messages", "payload", "points", "records", "track"),
)


class _LenientEvent(Struct, kw_only=True, gc=False):
    """An event with every spelling of its values that is accepted."""

    customer: str
    product: str
    type: str
    version: str | UnsetType | None = UNSET
    timestamp: int | float
    context: list[str | None]


def _raw_struct(name: str, keys: Any) -> Any:
    return msgspec.defstruct(name, [(key, Raw | UnsetType, UNSET) for key in keys], gc=False)


class _RawEnvelope(Struct, gc=False):
    events: Raw | UnsetType = UNSET


_check_syntax = msgspec.json.Decoder(Raw).decode
_decode_envelope = msgspec.json.Decoder(_RawEnvelope).decode
_decode_keys = msgspec.json.Decoder(_raw_struct("Keys", (*_SIMILAR_KEYS, *_EXPECTED))).decode
_decode_item = msgspec.json.Decoder(_raw_struct("Item", _EXPECTED)).decode
_decode_leniently = msgspec.json.Decoder(_LenientEvent).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_number = msgspec.json.Decoder(int | float).decode


def diagnose(body: bytes, settings: Settings) -> list[BatchedEvent]:
    """The events of a body, their number and shape checked. Raises RequestRefused, naming what is wrong.

    Its time grows with the body's length; the bounds on events bound its memory.
    """
    faults = Faults(settings)
    body = mend_json(body)
    try:
        found = _events_text(body, faults)
        items = split_items(found, settings.batch_events_max) if found is not None else []
        if len(items) > settings.batch_events_max:
            raise too_many(f"more than {settings.batch_events_max} events", settings)
        events = [_event(f"events[{index}]", item, faults, settings) for index, item in enumerate(items)]
    except RecursionError:
        faults = Faults(settings)
        faults.add("body", "is nested too deep")
    faults.refuse()
    return [event for event in events if event is not None]


def _events_text(body: bytes, faults: Faults) -> Raw | None:
    """The raw text of the array of events; None for `{}`. Raises RequestRefused when the body has no such array."""
    try:
        _check_syntax(body)
    except msgspec.DecodeError as error:
        faults.add("body", explain_syntax(body, error))
        faults.refuse()
    try:
        events = _decode_envelope(body).events
    except msgspec.ValidationError:
        faults.add("body", 'must be an object like {"events": [...]}')
        faults.refuse()
    if events is UNSET:
        _explain_missing(body, faults)
        return None
    if not _starts_with(events, b"["):
        faults.add("events", "must be an array of events")
        faults.refuse()
    return events


def _explain_missing(body: bytes, faults: Faults) -> None:
    """Add the fault of a body without `events`, unless it is an empty object, which is a request without events."""
    if _EMPTY.fullmatch(body):
        return
    keys = _decode_keys(body)
    similar = next((key for key in _SIMILAR_KEYS if getattr(keys, key) is not UNSET), None)
    why = 'is missing; the body must be an object like {"events": [...]}'
    if similar:
        why = f"is missing, and there is {similar}; did you mean events?"
    elif sum(getattr(keys, key) is not UNSET for key in _EXPECTED) > 1:
        why = 'is missing: the body is an event by itself, which belongs into {"events": [...]}; did you mean events?'
    faults.add("events", why)


def _event(where: str, item: Raw, faults: Faults, settings: Settings) -> BatchedEvent | None:
    """One event; None when its shape is wrong."""
    if len(memoryview(item)) <= _EVENT_BYTES_MAX and (event := _decode_event(item)) is not None:
        return event
    if not _starts_with(item, b"{"):
        faults.add(where, "must be an object")
        return None
    found = _decode_item(item)
    values = {key: _value(f"{where}.{key}", key, getattr(found, key), faults, settings) for key in _EXPECTED}
    if None in values.values():
        return None
    return BatchedEvent(**values)


def _decode_event(item: Raw) -> BatchedEvent | None:
    """An event that is right; None when it has to be decoded value by value."""
    try:
        found = _decode_leniently(item)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    timestamp = int(found.timestamp)
    if timestamp != found.timestamp:
        return None
    return BatchedEvent(
        customer=found.customer,
        product=found.product,
        type=found.type,
        version=UNSET if found.version is None else found.version,
        timestamp=timestamp,
        context=found.context,
    )


def _value(where: str, key: str, raw: Raw | UnsetType, faults: Faults, settings: Settings) -> Any:
    """The value of one key of an event; None when it is wrong."""
    if key == "version" and (raw is UNSET or _starts_with(raw, b"n")):
        return UNSET
    if raw is UNSET:
        faults.add(where, f"is missing; it {_EXPECTED[key]}")
    elif key == "context":
        return _context(where, raw, faults, settings)
    elif key == "timestamp":
        return _timestamp(where, raw, faults)
    else:
        return _text(where, raw, _EXPECTED[key], faults)
    return None


def _context(where: str, raw: Raw, faults: Faults, settings: Settings) -> list[str | None] | None:
    """The values of a context, one more than are allowed when there are more."""
    if not _starts_with(raw, b"["):
        faults.add(where, _EXPECTED["context"])
        return None
    values: list[str | None] = []
    items = split_items(raw, settings.context_values_max)
    for position, item in enumerate(items):
        if _starts_with(item, b"n"):
            values.append(None)
        elif (value := _text(f"{where}[{position}]", item, "must be a string", faults)) is not None:
            values.append(value)
    return values if len(values) == len(items) else None


def _timestamp(where: str, raw: Raw, faults: Faults) -> int | None:
    try:
        number = _decode_number(raw)
    except msgspec.DecodeError:
        number = 0.5  # neither a number nor one that is an integer
    if number == int(number):
        return int(number)
    faults.add(where, _EXPECTED["timestamp"])
    return None


def _text(where: str, raw: Raw, expected: str, faults: Faults) -> str | None:
    try:
        return _decode_text(raw)
    except msgspec.DecodeError:
        faults.add(where, expected)
    except UnicodeDecodeError as error:
        faults.add(where, f"is not UTF-8: {error.reason} at byte {error.start}")
    return None


def _starts_with(raw: Raw, byte: bytes) -> bool:
    """Whether a value starts with this byte, which tells its type."""
    return memoryview(raw)[:1] == byte


def split_items(array: Raw, most: int) -> list[Raw]:
    """The first items of an array, one more than `most`, so that the caller can tell that it has more.

    A typed list is decoded whole before its length can be checked, so that three bytes of a body make an object of 60.
    Here a struct that is written as an array is decoded: it has a fixed number of fields, and the decoder skips the
    items behind them.

    The text must be that of an array. `most` bounds the memory; each ITEMS_AT_ONCE items take time by the length of the
    text behind them. Raises RecursionError when an item is nested too deep.
    """
    text = memoryview(array)
    if len(text) <= _SHORT_ARRAY_BYTES_MAX:
        return _decode_all(text)[: most + 1]
    size = min(most + 1, ITEMS_AT_ONCE)
    items: list[Raw] = []
    while True:
        found = [item for item in astuple(_items_decoder(size)(text)) if item is not UNSET]
        items += found
        if len(found) < size or len(items) > most:
            return items[: most + 1]
        text = memoryview(b"[" + text[_end_of(text, found) :])


def _end_of(text: memoryview, items: list[Raw]) -> int:
    """The position behind the first items and the comma that follows them."""
    at = 1
    for item in items:
        at = _skip_gap(text, at) + len(memoryview(item))
    return _skip_gap(text, at)


def _skip_gap(text: memoryview, at: int) -> int:
    # The pattern always matches, an empty gap too.
    return cast("re.Match[bytes]", _GAP.match(text, at)).end()


@lru_cache(maxsize=8)
def _items_decoder(size: int) -> Callable[[memoryview], Any]:
    fields = [(f"item{number}", Raw | UnsetType, UNSET) for number in range(size)]
    return msgspec.json.Decoder(msgspec.defstruct("Items", fields, array_like=True, gc=False)).decode
