"""The slow way through a body, for what cannot be decoded at once: item by item, each fault by its place."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import astuple

from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.wire import StoredEvent, mend_json

# The items of a JSON array as they stand in its text: only so many, however many there are.
#
# A typed list is made whole before its length is looked at, so that three bytes of a body become an object of 60. A
# struct that is written as an array has so many fields as it has: the decoder passes over what comes behind them.


# An array so short is split whole: it has at most half as many items, of 80 bytes each.
_SHORT_BYTES_MAX = 256 * 1024
# Items that one pass takes, as many as a request may have events by default; each field of a struct costs 600 bytes.
ITEMS_AT_ONCE = 10_001
_GAP = re.compile(rb"[ \t\r\n]*+,?[ \t\r\n]*+")

_decode_all = msgspec.json.Decoder(list[Raw]).decode


def split_items(array: Raw, most: int) -> list[Raw]:
    """The first items of an array, one more than `most`, so that the caller can tell that it has more.

    The text must be that of an array. Memory is bound by `most`, and time by the text's length for every
    ITEMS_AT_ONCE of it. Raises RecursionError when an item is nested too deep.
    """
    text = memoryview(array)
    if len(text) <= _SHORT_BYTES_MAX:
        return _decode_all(text)[: most + 1]
    size = min(most + 1, ITEMS_AT_ONCE)
    items: list[Raw] = []
    while True:
        found = [item for item in astuple(_decoder(size)(text)) if item is not UNSET]
        items += found
        if len(found) < size or len(items) > most:
            return items[: most + 1]
        text = memoryview(b"[" + text[_end(text, found) :])


def _end(text: memoryview, items: list[Raw]) -> int:
    """Where the text goes on behind its first items and the comma that follows them."""
    at = 1
    for item in items:
        at = _past_gap(text, at) + len(memoryview(item))
    return _past_gap(text, at)


def _past_gap(text: memoryview, at: int) -> int:
    # The pattern matches no gap at all, too.
    return cast("re.Match[bytes]", _GAP.match(text, at)).end()


@lru_cache(maxsize=8)
def _decoder(size: int) -> Callable[[memoryview], Any]:
    fields = [(f"item{number}", Raw | UnsetType, UNSET) for number in range(size)]
    return msgspec.json.Decoder(msgspec.defstruct("Items", fields, array_like=True, gc=False)).decode


# What is wrong with a body: gathered place by place, and no longer than an error tells it.


class Faults:
    """The problems of one request that cannot be read; each place is told once, in the order of the body."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.problems_max
        self._problems: list[Problem] = []

    def add(self, where: str, why: str) -> None:
        """Note a problem. Raises RequestRefused when there are more than an error names: the rest is not looked at."""
        if len(self._problems) == self._most:
            raise self._refusal("at least ")
        self._problems.append(Problem(Code.REQUEST_INPUT_MALFORMED, where, why))

    def refuse(self) -> None:
        """Raise RequestRefused when anything is wrong."""
        if self._problems:
            raise self._refusal()

    def _refusal(self, least: str = "") -> RequestRefused:
        noun = "one thing is" if len(self._problems) == 1 else f"{len(self._problems)} things are"
        text = f"the request cannot be read: {least}{noun} wrong"
        return RequestRefused(Code.REQUEST_INPUT_MALFORMED, text, tuple(self._problems))


def too_many(found: str, settings: Settings) -> RequestRefused:
    """The refusal of so many events."""
    problem = Problem(Code.REQUEST_TOO_LARGE, "events", f"{found}: send them in several requests")
    text = f"a request takes {settings.batch_events_max} events at the most"
    return RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,))


# The slow way through a body, for what cannot be decoded at once: some of it is right all the same, such as 1.0.
#
# Every value is first taken as it stands in the text and decoded when it is known to be one of the event's, so that
# neither the number of items nor what a stranger puts into other keys makes objects.


# An event of so many bytes is decoded at once first: what it makes of them is freed, or kept to the bounds, soon.
_EVENT_BYTES_MAX = 64 * 1024
_EMPTY = re.compile(rb"[ \t\r\n]*+\{[ \t\r\n]*+\}[ \t\r\n]*+")

_MEANT = {
    "customer": "must be a string",
    "product": "must be a string",
    "type": "must be a string",
    "timestamp": "must be an integral number of milliseconds since 1970-01-01T00:00:00Z",
    "context": "must be an array of strings",
    "version": "must be a string, or left out",
}
# Where other services expect what is `events` here, and what slips of the pen make of it.
_LIKELY = (
    *("Events", "EVENTS", "event", "Event", "evens", "evnts", "eventList", "batch", "Batch", "data", "items"),
    *("list", "logs", "messages", "payload", "points", "records", "track"),
)


class _Loose(Struct, kw_only=True, gc=False):
    """An event with all that is taken for right."""

    customer: str
    product: str
    type: str
    version: str | UnsetType | None = UNSET
    timestamp: int | float
    context: list[str | None]


def _raw_struct(name: str, keys: Any) -> Any:
    return msgspec.defstruct(name, [(key, Raw | UnsetType, UNSET) for key in keys], gc=False)


class _Outline(Struct, gc=False):
    events: Raw | UnsetType = UNSET


_skim = msgspec.json.Decoder(Raw).decode
_decode_outline = msgspec.json.Decoder(_Outline).decode
_decode_keys = msgspec.json.Decoder(_raw_struct("Keys", (*_LIKELY, *_MEANT))).decode
_decode_item = msgspec.json.Decoder(_raw_struct("Item", _MEANT)).decode
_decode_loosely = msgspec.json.Decoder(_Loose).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_number = msgspec.json.Decoder(int | float).decode


def diagnose(body: bytes, settings: Settings) -> list[StoredEvent]:
    """The events of a body, their number and shape checked. Raises RequestRefused, naming what is wrong.

    Takes time by the body's length, and memory by the bounds on events.
    """
    faults = Faults(settings)
    body = mend_json(body)
    try:
        found = _outline(body, faults)
        items = split_items(found, settings.batch_events_max) if found is not None else []
        if len(items) > settings.batch_events_max:
            raise too_many(f"more than {settings.batch_events_max} events", settings)
        events = [_event(f"events[{index}]", item, faults, settings) for index, item in enumerate(items)]
    except RecursionError:
        faults = Faults(settings)
        faults.add("body", "is nested too deep")
    faults.refuse()
    return [event for event in events if event is not None]


def _outline(body: bytes, faults: Faults) -> Raw | None:
    """The text of the array of events; None when there is none. Raises RequestRefused when there should be."""
    try:
        _skim(body)
    except msgspec.DecodeError as error:
        faults.add("body", f"is not JSON in UTF-8: {error}")
        faults.refuse()
    try:
        events = _decode_outline(body).events
    except msgspec.ValidationError:
        faults.add("body", 'must be an object like {"events": [...]}')
        faults.refuse()
    if events is UNSET:
        _tell_missing(body, faults)
        return None
    if not _opens(events, b"["):
        faults.add("events", "must be an array of events")
        faults.refuse()
    return events


def _tell_missing(body: bytes, faults: Faults) -> None:
    """An object without keys is a request without events; other keys are a client's mistake, and nothing is kept."""
    if _EMPTY.fullmatch(body):
        return
    keys = _decode_keys(body)
    likely = next((key for key in _LIKELY if getattr(keys, key) is not UNSET), None)
    why = 'is missing; the body must be an object like {"events": [...]}'
    if likely:
        why = f"is missing, and there is {likely}; did you mean events?"
    elif sum(getattr(keys, key) is not UNSET for key in _MEANT) > 1:
        why = 'is missing: the body is an event by itself, which belongs into {"events": [...]}; did you mean events?'
    faults.add("events", why)


def _event(where: str, item: Raw, faults: Faults, settings: Settings) -> StoredEvent | None:
    """One event; None when its shape is wrong."""
    if len(memoryview(item)) <= _EVENT_BYTES_MAX and (event := _whole(item)) is not None:
        return event
    if not _opens(item, b"{"):
        faults.add(where, "must be an object")
        return None
    found = _decode_item(item)
    values = {key: _value(f"{where}.{key}", key, getattr(found, key), faults, settings) for key in _MEANT}
    if None in values.values():
        return None
    return StoredEvent(**values)


def _whole(item: Raw) -> StoredEvent | None:
    """An event that is right; None when it has to be read value by value."""
    try:
        found = _decode_loosely(item)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    timestamp = int(found.timestamp)
    if timestamp != found.timestamp:
        return None
    return StoredEvent(
        customer=found.customer,
        product=found.product,
        type=found.type,
        version=UNSET if found.version is None else found.version,
        timestamp=timestamp,
        context=found.context,
    )


def _value(where: str, key: str, raw: Raw | UnsetType, faults: Faults, settings: Settings) -> Any:
    """The value of one key of an event; None when it is wrong."""
    if key == "version" and (raw is UNSET or _opens(raw, b"n")):
        return UNSET
    if raw is UNSET:
        faults.add(where, f"is missing; it {_MEANT[key]}")
    elif key == "context":
        return _context(where, raw, faults, settings)
    elif key == "timestamp":
        return _timestamp(where, raw, faults)
    else:
        return _text(where, raw, _MEANT[key], faults)
    return None


def _context(where: str, raw: Raw, faults: Faults, settings: Settings) -> list[str | None] | None:
    """As many values as there may be, and one more when there are more."""
    if not _opens(raw, b"["):
        faults.add(where, _MEANT["context"])
        return None
    values: list[str | None] = []
    items = split_items(raw, settings.context_values_max)
    for position, item in enumerate(items):
        if _opens(item, b"n"):
            values.append(None)
        elif (value := _text(f"{where}[{position}]", item, "must be a string", faults)) is not None:
            values.append(value)
    return values if len(values) == len(items) else None


def _timestamp(where: str, raw: Raw, faults: Faults) -> int | None:
    try:
        number = _decode_number(raw)
    except msgspec.DecodeError:
        number = 0.5  # neither a number nor one that any clock shows
    if number == int(number):
        return int(number)
    faults.add(where, _MEANT["timestamp"])
    return None


def _text(where: str, raw: Raw, meant: str, faults: Faults) -> str | None:
    try:
        return _decode_text(raw)
    except msgspec.DecodeError:
        faults.add(where, meant)
    except UnicodeDecodeError as error:
        faults.add(where, f"is not UTF-8: {error.reason} at byte {error.start}")
    return None


def _opens(raw: Raw, byte: bytes) -> bool:
    """Whether a value begins with this byte, which tells its type."""
    return memoryview(raw)[:1] == byte
