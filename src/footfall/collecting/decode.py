"""From a body to events: at once when it is right, and with a diagnosis of every event when it is not."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct

from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.wire import StoredEvent


class _Body(Struct, gc=False):
    events: list[StoredEvent] = []


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_any = msgspec.json.Decoder().decode

_MEANT = {
    "customer": "must be a string",
    "product": "must be a string",
    "type": "must be a string",
    "timestamp": "must be an integral number of milliseconds since 1970-01-01T00:00:00Z",
    "context": "must be an array of strings",
    "version": "must be a string, or left out",
}


def decode(body: bytes, settings: Settings) -> list[StoredEvent]:
    """The events of a body, their shape checked. Raises RequestRefused, naming everything that is wrong."""
    try:
        return _decode_body(body).events
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _diagnose(body, settings)


def limit(events: list[StoredEvent], body_bytes: int, now_ms: int, settings: Settings) -> None:
    """Hold the bounds on events. Raises RequestRefused, naming everything that is wrong."""
    if len(events) > settings.batch_events_max:
        problem = Problem(Code.REQUEST_TOO_LARGE, "events", f"{len(events)} events: send them in several requests")
        text = f"a request takes {settings.batch_events_max} events at the most"
        raise RequestRefused(Code.REQUEST_TOO_LARGE, text, (problem,))
    oldest = settings.timestamp_min_ms
    newest = now_ms + settings.timestamp_ahead_max_ms
    # A string can only be over its bound when the whole body is longer than the least of them.
    long = body_bytes > settings.code_chars_max
    codes, values = settings.code_chars_max, settings.context_values_max
    problems: list[Problem] = []
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
                    or (event.version is not UNSET and len(event.version) > settings.version_chars_max)
                )
            )
        ):
            problems += _bounds(index, event, oldest, newest, settings)
    if body_bytes > settings.context_value_chars_max:
        problems += _long_values(events, settings.context_value_chars_max)
    if problems:
        raise malformed(problems, settings)


def malformed(problems: list[Problem], settings: Settings) -> RequestRefused:
    """The refusal for a body of the wrong shape."""
    noun = "one thing is" if len(problems) == 1 else f"{len(problems)} things are"
    text = f"the request cannot be read: {noun} wrong"
    return RequestRefused(Code.REQUEST_INPUT_MALFORMED, text, tuple(problems[: settings.problems_max]))


def _bounds(index: int, event: StoredEvent, oldest: int, newest: int, settings: Settings) -> list[Problem]:
    found: list[Problem] = []
    for key, value, chars_max in (
        ("customer", event.customer, settings.code_chars_max),
        ("product", event.product, settings.code_chars_max),
        ("type", event.type, settings.code_chars_max),
        ("version", event.version, settings.version_chars_max),
    ):
        if value is UNSET:
            continue
        if len(value) > chars_max:
            found.append(_wrong(f"events[{index}].{key}", f"must have {chars_max} characters at the most"))
        elif not value and key != "version":
            found.append(_wrong(f"events[{index}].{key}", "must not be empty"))
    if not oldest <= event.timestamp <= newest:
        why = f"must lie between {oldest} and {newest} (milliseconds since 1970), not {event.timestamp}"
        found.append(_wrong(f"events[{index}].timestamp", why))
    if len(event.context) > settings.context_values_max:
        found.append(_wrong(f"events[{index}].context", f"must have {settings.context_values_max} values at the most"))
    return found


def _long_values(events: list[StoredEvent], chars_max: int) -> list[Problem]:
    return [
        _wrong(f"events[{index}].context[{position}]", f"must have {chars_max} characters at the most")
        for index, event in enumerate(events)
        for position, value in enumerate(event.context)
        if value is not None and len(value) > chars_max
    ]


def _wrong(where: str, why: str) -> Problem:
    return Problem(Code.REQUEST_INPUT_MALFORMED, where, why)


def _diagnose(body: bytes, settings: Settings) -> list[StoredEvent]:
    """The slow way, for what the typed decoder would not take: some of that is right all the same, such as 1.0."""
    try:
        found = _decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed([_wrong("body", f"is not JSON in UTF-8: {error}")], settings) from error
    except RecursionError as error:
        raise malformed([_wrong("body", "is nested too deep")], settings) from error
    if not isinstance(found, dict):
        raise malformed([_wrong("body", 'must be an object like {"events": [...]}')], settings)
    raw = found.get("events", [])
    if not isinstance(raw, list):
        raise malformed([_wrong("events", "must be an array of events")], settings)
    problems: list[Problem] = []
    events: list[StoredEvent] = []
    for index, item in enumerate(raw):
        wrong = list(_shape(index, item))
        problems += wrong
        if not wrong:
            events.append(_event(item))
    if problems:
        raise malformed(problems, settings)
    return events


def _shape(index: int, item: Any) -> list[Problem]:
    """What is wrong with the shape of one event."""
    if not isinstance(item, dict):
        return [_wrong(f"events[{index}]", "must be an object")]
    found: list[Problem] = []
    for key, meant in _MEANT.items():
        where = f"events[{index}].{key}"
        if key not in item:
            if key != "version":
                found.append(_wrong(where, f"is missing; it {meant}"))
        elif key == "context" and isinstance(item[key], list):
            found += [
                _wrong(f"{where}[{position}]", "must be a string")
                for position, value in enumerate(item[key])
                if not (value is None or isinstance(value, str))
            ]
        elif not _fits(key, item[key]):
            found.append(_wrong(where, meant))
    return found


def _fits(key: str, value: Any) -> bool:
    if key == "context":
        return False
    if key == "timestamp":
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        )
    return isinstance(value, str)


def _event(item: dict[str, Any]) -> StoredEvent:
    return StoredEvent(
        customer=item["customer"],
        product=item["product"],
        type=item["type"],
        version=item.get("version", UNSET),
        timestamp=int(item["timestamp"]),
        context=item["context"],
    )
