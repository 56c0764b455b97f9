"""From a body to events: at once when it is right, and item by item when it is not."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from footfall.ingest.diagnosis import Faults, diagnose, too_many
from footfall.settings import Settings
from footfall.wire import StoredEvent

# A body so long is decoded at once whatever is in it: its objects take some 15 times its bytes at the most.
AT_ONCE_BYTES_MAX = 1024 * 1024
# Commas of an event beside those between the values of its context, with room for keys that are passed over.
_COMMAS = 8


class _Body(Struct, gc=False):
    events: list[StoredEvent] | UnsetType = UNSET


_decode_body = msgspec.json.Decoder(_Body).decode


def is_bounded(body: bytes, settings: Settings) -> bool:
    """Whether a body makes no more objects than the longest list of events does, when it is decoded at once.

    Between two values of JSON there is a comma, and counting them takes a tenth of the time of decoding.
    """
    most = settings.batch_events_max * (settings.context_values_max + _COMMAS)
    return len(body) <= AT_ONCE_BYTES_MAX or body.count(b",") <= most


def decode(body: bytes, settings: Settings) -> list[StoredEvent]:
    """The events of a body, their number and shape checked. Raises RequestRefused, naming what is wrong."""
    events: list[StoredEvent] | UnsetType = UNSET
    if is_bounded(body, settings):
        try:
            events = _decode_body(body).events
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            events = UNSET
    if events is UNSET:
        return diagnose(body, settings)
    if len(events) > settings.batch_events_max:
        raise too_many(f"{len(events)} events", settings)
    return events


def limit(events: list[StoredEvent], body_bytes: int, now_ms: int, settings: Settings) -> None:
    """Hold the bounds on values. Raises RequestRefused, naming what is wrong."""
    oldest = settings.timestamp_min_ms
    newest = now_ms + settings.timestamp_ahead_max_ms
    codes, versions, values = settings.code_chars_max, settings.version_chars_max, settings.context_values_max
    # A string can only be over its bound when the whole body is longer than the least of them.
    long = body_bytes > min(codes, versions)
    faults = Faults(settings)
    for index, event in enumerate(events):
        if (
            not oldest <= event.timestamp <= newest
            or not event.customer
            or not event.product
            or not event.type
            or len(event.context) > values
            or (
                long
                and (
                    len(event.customer) > codes
                    or len(event.product) > codes
                    or len(event.type) > codes
                    or (event.version is not UNSET and len(event.version) > versions)
                )
            )
        ):
            _tell_bounds(faults, index, event, newest, settings)
    if body_bytes > settings.context_value_chars_max:
        _tell_long_values(faults, events, settings.context_value_chars_max)
    faults.refuse()


def _tell_bounds(faults: Faults, index: int, event: StoredEvent, newest: int, settings: Settings) -> None:
    for key, value, chars_max in (
        ("customer", event.customer, settings.code_chars_max),
        ("product", event.product, settings.code_chars_max),
        ("type", event.type, settings.code_chars_max),
        ("version", event.version, settings.version_chars_max),
    ):
        if value is UNSET:
            continue
        if len(value) > chars_max:
            faults.add(f"events[{index}].{key}", f"must have {chars_max} characters at the most")
        elif not value and key != "version":
            faults.add(f"events[{index}].{key}", "must not be empty")
    oldest = settings.timestamp_min_ms
    if not oldest <= event.timestamp <= newest:
        why = f"must lie between {oldest} and {newest} (milliseconds since 1970), not {event.timestamp}"
        faults.add(f"events[{index}].timestamp", why)
    if len(event.context) > settings.context_values_max:
        faults.add(f"events[{index}].context", f"must have {settings.context_values_max} values at the most")


def _tell_long_values(faults: Faults, events: list[StoredEvent], chars_max: int) -> None:
    for index, event in enumerate(events):
        for position, value in enumerate(event.context):
            if value is not None and len(value) > chars_max:
                faults.add(f"events[{index}].context[{position}]", f"must have {chars_max} characters at the most")
