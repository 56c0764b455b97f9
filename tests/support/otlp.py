"""Traces read by others than us: the decoder of the published format, and a collector that hands on what it gets."""

import base64
import contextlib
import gzip
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from receivers import Received, Receiver

from footfall.system.waiting import wait_until

# OTLP writes these in hexadecimal digits, where JSON of protocol buffers has base64.
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


def spans_of(request: Received) -> list[Span]:
    """The spans that a collector got, in JSON or as protocol buffers. Raises for a name or a type that OTLP lacks."""
    body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
    if request.headers["content-type"] == "application/json":
        found = json_format.ParseDict(_with_base64(json.loads(body)), ExportTraceServiceRequest())
    else:
        found = ExportTraceServiceRequest.FromString(body)
    return [span for resource in found.resource_spans for scope in resource.scope_spans for span in scope.spans]


def _with_base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_base64(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(each)).decode() if name in _IDS else _with_base64(each)
        for name, each in value.items()
    }


@contextlib.contextmanager
def running_collector(folder: Path, receiver: Receiver) -> Iterator[str]:
    """A collector that hands on what it gets to the receiver; yields the URL at which it takes traces."""
    import rotel  # it has wheels for some machines only

    # An address of this process alone, with all its ports.
    number = os.getpid()
    host = f"127.{64 + number // 65_536}.{number // 256 % 256}.{number % 256}"
    options = {
        "otlp-http-endpoint": f"{host}:4318",
        "otlp-grpc-endpoint": f"{host}:4317",
        "exporter": "otlp",
        "otlp-exporter-protocol": "http",
        "otlp-exporter-endpoint": f"http://127.0.0.1:{receiver.port}",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    line = [Path(rotel.__file__).with_name("rotel-agent"), "start", *words]
    with (folder / "collector.log").open("wb") as log, subprocess.Popen(line, stdout=log, stderr=log) as process:
        try:
            assert wait_until(lambda: _is_open(host, 4318), 60, 0.01), (folder / "collector.log").read_text()
            yield f"http://{host}:4318/v1/traces"
        finally:
            process.terminate()


def _is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True
