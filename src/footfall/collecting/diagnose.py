"""The slow way through a body, for what cannot be decoded at once: some of it is right all the same, such as 1.0.

Every value is first taken as it stands in the text and decoded when it is known to be one of the event's, so that
neither the number of items nor what a stranger puts into other keys makes objects.
"""

import re
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from footfall.collecting.faults import Faults, too_many
from footfall.collecting.items import split
from footfall.mending import mend
from footfall.settings import Settings
from footfall.wire import StoredEvent

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
    body = mend(body)
    try:
        found = _outline(body, faults)
        items = split(found, settings.batch_events_max) if found is not None else []
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
    items = split(raw, settings.context_values_max)
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
