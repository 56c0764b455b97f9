"""Traces: a collector gets the spans of requests, below those of their callers, linked to the load into the store."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from otlp import spans_of
from receivers import Receiver, receiving

from footfall.system.waiting import wait_until

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1790000000000,
    "context": ["ada"],
}


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def spans(collector: Receiver) -> list[dict[str, Any]]:
    """Each span once: what the collector did not take came again."""
    found = {
        span["spanId"]: {**span, "process": _values(resource["resource"])["footfall.process"], **_values(span)}
        for request in list(collector.received)
        for resource in json.loads(request.body)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    }
    return list(found.values())


def _values(described: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: next(iter(each["value"].values())) for each in described["attributes"]}


def test_a_trace_leads_from_the_caller_to_the_load(serve: Any, collector: Receiver) -> None:
    collector.replies.append((503, {}))
    url = f"http://127.0.0.1:{collector.port}/v1/traces"
    service = serve(traces_url=url, traces_percent=0, web_processes=1)
    callers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    for headers in ({}, {"traceparent": f"00-{TRACE}-{CALLER}-00"}, callers):
        assert httpx.post(f"{service.url}/events", json={"events": [EVENT]}, headers=headers).status_code == 200
    packed = json.dumps({"events": [EVENT] * 2}).encode()
    # Chunks, and what cannot be read, go through the application.
    for content, status in ((packed, 200), (b"{", 400)):
        answer = httpx.post(f"{service.url}/events", content=iter([content]), headers=callers)
        assert answer.status_code == status
    assert httpx.get(f"{service.url}/reports/a-secret/manifest?x=y", headers=callers).status_code == 401

    def found(name: str) -> list[dict[str, Any]]:
        return [span for span in spans(collector) if span["name"] == name]

    def is_whole() -> bool:
        loads = {span["spanId"] for span in found("load")}
        waits = found("journal")
        counts = [len(waits), len(found("POST /events")), len(found("GET /reports/{source}/manifest"))]
        return counts == [2, 3, 1] and all(wait["links"][0]["spanId"] in loads for wait in waits)

    assert wait_until(is_whole, 60, 0.05), spans(collector)
    requests, waits = found("POST /events"), found("journal")
    # Two callers wanted no trace, and of the others none is traced by chance.
    assert sorted(span["http.response.status_code"] for span in requests) == ["200", "200", "400"]
    assert {(span["traceId"], span["parentSpanId"]) for span in requests} == {(TRACE, CALLER)}
    assert {(span["traceId"], span["kind"]) for span in waits} == {(TRACE, 1)}
    by_id = {span["spanId"]: span for span in requests}
    for wait in waits:
        request = by_id[wait["parentSpanId"]]
        times = [int(each) for span in (request, wait) for each in (span["startTimeUnixNano"], span["endTimeUnixNano"])]
        assert times[0] <= times[2] <= times[3] <= times[1]
        load = next(span for span in found("load") if span["spanId"] == wait["links"][0]["spanId"])
        assert (load["process"], load["footfall.segment"]) == ("worker", wait["footfall.segment"])
    (refused,) = found("GET /reports/{source}/manifest")
    assert refused["http.response.status_code"] == "401"
    assert b"a-secret" not in b"".join(request.body for request in collector.received)
    assert {request.headers["content-type"] for request in collector.received} == {"application/json"}
    assert all(spans_of(request) for request in collector.received)
    assert wait_until(lambda: sent(service) >= len(spans(collector)), 60, 0.05)


def sent(service: Any) -> float:
    told = service.client.get("/metrics").text
    return sum(map(float, re.findall(r'^footfall_trace_spans_total\{outcome="sent"\} (\S+)$', told, re.MULTILINE)))
