"""Trace contexts of callers, the ids of loads, and collectors: a real one, and those that are away, slow or full."""

import asyncio
import platform
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from otlp import running_collector, spans_of
from receivers import Receiver, receiving

from footfall.settings import Settings
from footfall.system.waiting import wait_until
from footfall.tracing import SpanKind, TraceContext, Tracer, TraceSpan, load_context, read_traceparent

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = [(b"traceparent", f"00-{TRACE}-{CALLER}-01".encode())]
# Where the lock has one: there it must be installed.
HAS_COLLECTOR = (sys.platform, platform.machine()) == ("linux", "x86_64") and sys.version_info < (3, 14)


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
    followed = nothing.begin(SAMPLED)
    assert followed is not None
    assert (followed.context.trace_id, followed.parent_id) == (TRACE, CALLER)
    assert everything.begin([(b"traceparent", f"00-{TRACE}-{CALLER}-00".encode())]) is None


def test_callers_who_say_so_are_traced_within_a_bound_and_by_chance_beyond(monkeypatch: Any) -> None:
    now_s = 1_000.0
    monkeypatch.setattr("footfall.tracing.tracer.time", SimpleNamespace(monotonic=lambda: now_s))
    here = tracer(1, traces_percent=0, traces_callers_per_s=2)
    assert [here.begin(SAMPLED) is not None for _ in range(4)] == [True, True, False, False]
    now_s += 0.5
    assert [here.begin(SAMPLED) is not None for _ in range(2)] == [True, False]
    now_s += 3_600
    assert sum(here.begin(SAMPLED) is not None for _ in range(9)) == 2
    beyond = tracer(1, traces_percent=100, traces_callers_per_s=0).begin(SAMPLED)
    assert beyond is not None
    assert (beyond.context.trace_id, beyond.parent_id) == (TRACE, CALLER)


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
    names = [[each.name for each in spans_of(request)] for request in collector.received]
    assert names == [["a", "b", "c"], ["a", "b", "c"], ["e"]]
    assert here.values() == {
        ("footfall_trace_spans_total", "sent"): 3,
        ("footfall_trace_spans_total", "dropped"): 2,
    }


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b'{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "no room\\u001b[2J"}}', 1),
        (b'{"partialSuccess": {"rejectedSpans": 99}}', 0),
        (b'{"partialSuccess": {"errorMessage": "take care"}}', 3),
        (b'{"partialSuccess": null}', 3),
        (b'{"partialSuccess": {"rejectedSpans": []}}', 3),
        (b"[" * 10_000, 3),
        (b"\xff", 3),
        (b"", 3),
    ],
)
async def test_spans_that_a_collector_did_not_take_count_as_dropped(
    collector: Receiver, caplog: Any, body: bytes, sent: int
) -> None:
    here = tracer(collector.port)
    collector.replies.append((200, {}))
    collector.body = body
    for name in "abc":
        here.add(span(name))
    await here.export()
    assert (here.sent, here.dropped) == (sent, 3 - sent)
    assert "\x1b" not in caplog.text


async def test_a_collector_that_hangs_keeps_no_process_from_stopping(monkeypatch: Any) -> None:
    monkeypatch.setattr("footfall.tracing.tracer._TIMEOUT_S", 3_600)
    monkeypatch.setattr("footfall.tracing.tracer.STOP_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        here, stop = tracer(hanging.getsockname()[1]), asyncio.Event()
        here.add(span("a"))
        running = asyncio.create_task(here.run(stop))
        hanging.setblocking(False)
        connection, _ = await asyncio.get_running_loop().sock_accept(hanging)
        here.add(span("b"))
        stop.set()
        await asyncio.wait_for(running, 60)
        connection.close()
    assert (here.sent, here.dropped) == (0, 2)


async def test_what_waits_is_sent_before_a_stop_whatever_pause_the_collector_asked_for(collector: Receiver) -> None:
    here, stop = tracer(collector.port), asyncio.Event()
    collector.replies.append((429, {"retry-after": "3600"}))
    here.add(span("a"))
    running = asyncio.create_task(here.run(stop))
    async with asyncio.timeout(60):
        while not collector.received:
            await asyncio.sleep(0.01)
        stop.set()
        await running
    assert (here.sent, here.dropped, len(collector.received)) == (1, 0, 2)


@pytest.mark.skipif(not HAS_COLLECTOR, reason="the collector is made for Linux on x86-64, and Python before 3.14")
async def test_a_real_collector_takes_all_that_a_span_has(collector: Receiver, tmp_path: Path) -> None:
    with running_collector(tmp_path, collector) as url:
        here = Tracer(Settings(traces_url=url), "web")
        begun = here.begin(SAMPLED)
        assert begun is not None
        here.add(span("a"))
        here.add_journal_wait(begun, 2**60, 2**60 + 1, "segment")
        here.add_load("segment", 5, {"events": -(2**62)})
        await here.export()
        assert (here.sent, here.dropped) == (3, 0)
        assert await asyncio.to_thread(wait_until, lambda: bool(collector.received), 60, 0.01)
    (request,) = collector.received
    assert request.headers["content-type"] == "application/x-protobuf"
    failed, wait, load = spans_of(request)
    assert (failed.trace_id.hex(), failed.span_id.hex()) == (TRACE, CALLER)
    assert (failed.kind, failed.status.code) == (Span.SPAN_KIND_INTERNAL, Status.STATUS_CODE_ERROR)
    assert (wait.trace_id.hex(), wait.parent_span_id.hex()) == (TRACE, begun.context.span_id)
    assert (wait.start_time_unix_nano, wait.end_time_unix_nano) == (2**60, 2**60 + 1)
    assert [(link.trace_id, link.span_id) for link in wait.links] == [(load.trace_id, load.span_id)]
    values = {each.key: each.value for each in load.attributes}
    assert (values["footfall.segment"].string_value, values["events"].int_value) == ("segment", -(2**62))


async def test_a_collector_that_nobody_runs_takes_nothing_and_fails_nobody() -> None:
    here = tracer(1)
    here.add(span("a"))
    await here.export()
    assert (here.sent, here.dropped) == (0, 0)
