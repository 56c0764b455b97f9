"""Traces of requests, from their first byte to the store, for whoever collects such: OTLP over HTTP, by choice.

A request is a span, and what it waits for the journal a span below it. The worker loads whole segments, with the events
of many requests: each load is a trace of its own, whose ids are derived from the segment's name. So the web process can
link its request to the load before it begins, and nothing about traces is written to the disk.
"""

from footfall.tracing.spans import SpanKind, TraceContext, TraceSpan, encode_spans, load_context, read_traceparent
from footfall.tracing.tracer import Tracer

__all__ = [
    "SpanKind",
    "TraceContext",
    "TraceSpan",
    "Tracer",
    "encode_spans",
    "load_context",
    "read_traceparent",
]
