"""Trace contexts of callers, the ids of loads, and a collector that is away or slow."""

import json
from collections.abc import Iterator

import pytest
from receivers import Receiver, receiving

from footfall.settings import Settings
from footfall.tracing import SpanKind, TraceContext, Tracer, TraceSpan, load_context, read_traceparent

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def tracer(port: int, **settings: int) -> Tracer:
    return Tracer(Settings(traces_url=f"http://127.0.0.1:{port}/v1/traces", **settings), "web")


def span(name: str) -> TraceSpan:
    context = TraceContext(TRACE, CALLER)
    kind = SpanKind.INTERNAL
    return TraceSpan(
        context=context, name=name, kind=kind, start_ns=1, end_ns=2, attributes={"a": 2**60}, is_failure=True
    )


@pytest.mark.parametrize(
    ("value", "sampled"),
    [
        (f"00-{TRACE}-{CALLER}-01", True),
        (f"00-{TRACE}-{CALLER}-02", False),
        (f"01-{TRACE}-{CALLER}-03-more", True),
        (f"00-{TRACE}-{CALLER}-01-more", None),
        (f"ff-{TRACE}-{CALLER}-01", None),
        (f"00-{TRACE.upper()}-{CALLER}-01", None),
        (f"00-{'0' * 32}-{CALLER}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE}-{CALLER}", None),
        ("", None),
    ],
)
def test_a_caller_is_read_as_the_standard_says(value: str, sampled: bool | None) -> None:
    headers = [(b"accept", b"*/*"), (b"traceparent", value.encode())]
    expected = None if sampled is None else TraceContext(TRACE, CALLER, sampled)
    assert read_traceparent(headers) == expected
    assert read_traceparent([*headers, *headers]) is None


def test_requests_without_a_caller_are_traced_by_chance_and_those_with_one_as_it_says() -> None:
    everything, nothing = tracer(1, traces_percent=100), tracer(1, traces_percent=0)
    begun = [everything.begin([]) for _ in range(2)]
    assert len({each.context.trace_id for each in begun if each is not None and not each.parent_id}) == 2
    assert nothing.begin([]) is None
    caller = [(b"traceparent", f"00-{TRACE}-{CALLER}-01".encode())]
    followed = nothing.begin(caller)
    assert followed is not None
    assert (followed.context.trace_id, followed.parent_id) == (TRACE, CALLER)
    assert everything.begin([(b"traceparent", f"00-{TRACE}-{CALLER}-00".encode())]) is None


def test_the_ids_of_a_load_are_those_that_any_process_derives() -> None:
    assert load_context("a") == load_context("a") != load_context("b")
    assert [len(load_context("a").trace_id), len(load_context("a").span_id)] == [32, 16]


async def test_spans_wait_for_a_collector_that_is_away_within_a_bound(collector: Receiver) -> None:
    here = tracer(collector.port, traces_waiting_max=3)
    collector.replies += [(503, {}), (200, {}), (400, {})]
    for name in "abcd":
        here.add(span(name))
    await here.export()
    assert (here.sent, here.dropped) == (0, 1)
    await here.export()
    here.add(span("e"))
    await here.export()
    assert (here.sent, here.dropped) == (3, 2)
    bodies = [json.loads(request.body)["resourceSpans"][0]["scopeSpans"][0]["spans"] for request in collector.received]
    assert [[each["name"] for each in body] for body in bodies] == [["a", "b", "c"], ["a", "b", "c"], ["e"]]
    first = bodies[0][0]
    assert (first["attributes"], first["status"], first["startTimeUnixNano"]) == (
        [{"key": "a", "value": {"intValue": str(2**60)}}],
        {"code": 2},
        "1",
    )


async def test_a_collector_that_nobody_runs_takes_nothing_and_fails_nobody() -> None:
    here = tracer(1)
    here.add(span("a"))
    await here.export()
    assert (here.sent, here.dropped) == (0, 0)
