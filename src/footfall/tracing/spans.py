"""What a span is, where it belongs, and how OTLP writes it in JSON."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Final

import msgspec
from msgspec import Struct

# W3C Trace Context, of any version: what a later one adds stands behind the flags.
_TRACEPARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 1
_FAILED: Final = {"code": 2}


class SpanKind(IntEnum):
    """The kinds that are used here, with their numbers in OTLP."""

    INTERNAL = 1
    SERVER = 2


class TraceContext(Struct, frozen=True):
    """Where a span belongs: its trace and its own id in hexadecimal digits; `is_sampled`: whether it counts."""

    trace_id: str
    span_id: str
    is_sampled: bool = True


class TraceSpan(Struct, frozen=True, kw_only=True):
    """One piece of work; times are ns since the epoch. `parent_id` is empty for the first span of a trace."""

    context: TraceContext
    parent_id: str = ""
    name: str
    kind: SpanKind
    start_ns: int
    end_ns: int
    attributes: Mapping[str, str | int]
    links: tuple[TraceContext, ...] = ()
    is_failure: bool = False


def read_traceparent(headers: Iterable[tuple[bytes, bytes]]) -> TraceContext | None:
    """The span of the caller, as the header `traceparent` has it; None when there is none that is valid, or several."""
    values = [value for name, value in headers if name == b"traceparent"]
    found = _TRACEPARENT.fullmatch(values[0]) if len(values) == 1 else None
    if found is None or (found[4] and values[0].startswith(b"00")):
        return None
    trace_id, span_id = found[1].decode(), found[2].decode()
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, bool(int(found[3], 16) & _SAMPLED))


def load_context(segment: str) -> TraceContext:
    """The span of a segment's load, which the writer and the loader of the segment derive from its name alone."""
    digest = hashlib.blake2b(segment.encode(), digest_size=24, person=b"footfall load").hexdigest()
    return TraceContext(digest[:32], digest[32:])


def encode_spans(spans: Iterable[TraceSpan], resource: Mapping[str, str | int]) -> bytes:
    """The body of a request to a collector: all spans of one process, which the resource describes."""
    scope = {"scope": {"name": "footfall"}, "spans": [_encoded(span) for span in spans]}
    found = {"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}
    return msgspec.json.encode({"resourceSpans": [found]})


def _encoded(span: TraceSpan) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "traceId": span.context.trace_id,
        "spanId": span.context.span_id,
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
    }
    if span.parent_id:
        encoded["parentSpanId"] = span.parent_id
    if span.links:
        encoded["links"] = [{"traceId": link.trace_id, "spanId": link.span_id} for link in span.links]
    if span.is_failure:
        encoded["status"] = _FAILED
    return encoded


def _attributes(attributes: Mapping[str, str | int]) -> list[dict[str, Any]]:
    """Attributes as OTLP has them; integers are texts there, because JSON's have 53 bits."""
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in attributes.items()
    ]
