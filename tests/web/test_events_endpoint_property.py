"""A connection and the application give the same answer, byte for byte, for any settings, body and packets."""

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import hypothesis
from events_server import BATCH, post, read, serving
from hypothesis import strategies as st

NOW_MS = int(time.time() * 1000)
GOOD = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": NOW_MS,
    "context": ["me"],
}
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"version": "1.2.3"},
    {"version": None},
    {"timestamp": float(NOW_MS)},
    {"timestamp": 1},
    {"customer": "NOBODY"},
    {"context": ["cut\ud83d"]},
    {"context": ["a", "b"]},
    {"context": [7]},
    {"more": {"deep": [1e300]}},
)
bodies = st.lists(st.sampled_from(CHANGES), max_size=4).map(
    lambda changes: json.dumps({"events": [{**GOOD, **change} for change in changes]}).encode()
) | st.sampled_from((b"", b"{}", b"[]", b"{", b'{"Events":[]}', b'{"events":[{"customer":"\xff"}]}', b"\xef\xbb\xbf{}"))
any_bounds = st.fixed_dictionaries(
    {},
    optional={
        "plan_mode": st.sampled_from(("strict", "open", "quarantine")),
        "cors_origins": st.sampled_from(("*", "", "https://page.example")),
        "batch_events_max": st.integers(1, 4),
        "body_bytes_max": st.sampled_from((10, 300, 100_000)),
        "body_inline_bytes_max": st.sampled_from((1, 200, 100_000)),
        "code_chars_max": st.sampled_from((5, 28, 1000)),
        "version_chars_max": st.integers(1, 6),
        "context_values_max": st.integers(1, 2),
        "context_value_chars_max": st.integers(1, 4),
        "timestamp_min_ms": st.sampled_from((0, 10, NOW_MS + 1)),
        "problems_max": st.integers(1, 3),
    },
)
headers = st.lists(
    st.sampled_from(("content-type: application/json", "idempotency-key: one", "origin: https://page.example")),
    max_size=2,
    unique=True,
)


async def ask(server: Any, data: bytes, cuts: list[int]) -> bytes:
    """The answer to a request that is sent in packets which end at these places."""
    reader, writer = await server.connect()
    ends = sorted({cut % len(data) for cut in cuts} | {len(data)})
    for start, end in zip([0, *ends], ends, strict=False):
        writer.write(data[start:end])
        await writer.drain()
        await asyncio.sleep(0)
    answer = await read(reader)
    writer.close()
    # The latest timestamp that is taken goes with the clock.
    return re.sub(rb"(?<=and )\d+(?= \(milliseconds)", b"", BATCH.sub(b"", answer))


@hypothesis.settings(
    max_examples=20, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    any_bounds, st.lists(st.tuples(bodies, headers, st.lists(st.integers(0), max_size=4)), min_size=1, max_size=5)
)
async def test_an_answer_does_not_tell_which_way_a_request_went_whatever_the_settings_body_and_packets(
    tmp_path: Path, bounds: dict[str, Any], sent: list[tuple[bytes, list[str], list[int]]]
) -> None:
    """An `Expect` that is not `100-continue` does nothing but send a request the ordinary way."""
    async with serving(tmp_path, **{"body_bytes_max": 100_000} | bounds) as server:
        for body, named, cuts in sent:
            here = await ask(server, post(body, *named), cuts)
            seen = len(server.sent_on)
            there = await ask(server, post(body, *named, "expect: nothing"), [])
            assert len(server.sent_on) == seen + 1
            assert here == there
