"""The steps from a body to events within their bounds: decoded at once, or item by item when that fails."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from footfall.ingest.batch_ids import BatchedEvent
from footfall.ingest.diagnosis import Faults, diagnose, too_many
from footfall.settings import Settings
from footfall.validation import unit_mistake

# The commas of a body up to this length need no counting: its objects take some 15 times its bytes at the most.
UNCOUNTED_BYTES_MAX = 1024 * 1024
# Commas of an event outside its context, with room for keys that are ignored.
_OTHER_COMMAS = 8


class _Envelope(Struct, gc=False):
    events: list[BatchedEvent] | UnsetType = UNSET


_decode_body = msgspec.json.Decoder(_Envelope).decode


def is_bounded(body: bytes, settings: Settings) -> bool:
    """Whether decoding a body at once makes no more objects than the longest list of events that is allowed.

    There is a comma between two values of JSON. Counting commas takes a tenth of the time of decoding.
    """
    most = settings.batch_events_max * (settings.context_values_max + _OTHER_COMMAS)
    return len(body) <= UNCOUNTED_BYTES_MAX or body.count(b",") <= most


def decode(body: bytes, settings: Settings) -> list[BatchedEvent]:
    """The events of a body, their number and shape checked. Raises RequestRefused, naming the places that are wrong."""
    events: list[BatchedEvent] | UnsetType = UNSET
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


def check_bounds(events: list[BatchedEvent], body_bytes: int, now_ms: int, settings: Settings) -> None:
    """Check the bounds on values. Raises RequestRefused, naming the places that are wrong."""
    oldest = settings.timestamp_min_ms
    newest = now_ms + settings.timestamp_ahead_max_ms
    codes, versions, values = settings.code_chars_max, settings.version_chars_max, settings.context_values_max
    # No string is over its bound when the whole body is within the least of them.
    may_be_long = body_bytes > min(codes, versions)
    faults = Faults(settings)
    for index, event in enumerate(events):
        if (
            not oldest <= event.timestamp <= newest
            or not event.customer
            or not event.product
            or not event.type
            or len(event.context) > values
            or (
                may_be_long
                and (
                    len(event.customer) > codes
                    or len(event.product) > codes
                    or len(event.type) > codes
                    or (event.version is not UNSET and len(event.version) > versions)
                )
            )
        ):
            _add_bound_faults(faults, index, event, newest, settings)
    if body_bytes > settings.context_value_chars_max:
        _add_long_values(faults, events, settings.context_value_chars_max)
    faults.refuse()


def _add_bound_faults(faults: Faults, index: int, event: BatchedEvent, newest: int, settings: Settings) -> None:
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
        if mistake := unit_mistake("timestamp", event.timestamp):
            # The way to write a date is for filters: an event has a number.
            why += f", which {mistake.why.partition(':')[0]}"
        faults.add(f"events[{index}].timestamp", why)
    if len(event.context) > settings.context_values_max:
        faults.add(f"events[{index}].context", f"must have {settings.context_values_max} values at the most")


def _add_long_values(faults: Faults, events: list[BatchedEvent], chars_max: int) -> None:
    for index, event in enumerate(events):
        for position, value in enumerate(event.context):
            if value is not None and len(value) > chars_max:
                faults.add(f"events[{index}].context[{position}]", f"must have {chars_max} characters at the most")
