"""What is refused, told to admins who listen."""

import asyncio
import json
from pathlib import Path
from typing import Any

from msgspec import structs

from footfall.live import Live
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.state import RefusedKind, State, User
from footfall.system.clock import SystemClock

DEADLINE_S = 20
TEXTS = {"customer": "C", "product": "P", "type": "T", "code": "EVENT_NOT_IN_PLAN", "reason": "is not in the plan"}
KIND = RefusedKind(**TEXTS, place="type", events=2, first_ms=1, last_ms=2)


async def next_refusal(pieces: Any) -> Any:
    """The next message of what was refused."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            for block in (await anext(pieces)).decode().split("\n\n"):
                if block.startswith("event: refusals\n"):
                    return json.loads(block.partition("data: ")[2])


async def test_admins_are_told_how_many_more_were_refused(tmp_path: Path, state: State) -> None:
    settings = Settings(data_dir=str(tmp_path / "data"), disk_free_bytes_min=0, live_heartbeat_s=0.2)
    (tmp_path / "data" / "journal").mkdir(parents=True)
    root = User(id="root", password_hash="", admin=True, created_ms=0)
    anna = User(id="anna", password_hash="", customers=("C",), created_ms=0)
    for user in (root, anna):
        state.users.add(user)
    state.refusals.add([KIND], 2, 10)
    live = Live(state, settings, SystemClock(), LivePlan(None, settings), "0123456789abcdef")
    every = {"customer": ["*"], "product": ["*"]}
    listeners = [live.parse(root, every), live.parse(root, {**every, "types": ["U"]}), live.parse(anna, every)]
    streams = [await live.begin(listener, "") for listener in listeners]
    async with asyncio.timeout(DEADLINE_S):
        while not live._refusals.has_begun:
            await asyncio.sleep(0.01)
    state.refusals.add([structs.replace(KIND, events=3, last_ms=9)], 9, 10)
    assert await next_refusal(streams[0]) == {**TEXTS, "where": "type", "events": 3, "last": 9}
    unreadable = structs.replace(KIND, customer="", product="", type="", code="REQUEST_INPUT_MALFORMED")
    state.refusals.add([unreadable], 9, 10)
    for stream in streams[:2]:
        assert (await next_refusal(stream))["code"] == "REQUEST_INPUT_MALFORMED"
    for stream, listener in zip(streams, listeners, strict=True):
        listener.end("stopping")
        rest = b"".join([piece async for piece in stream])
        assert b"refusals" not in rest
        live.leave(listener)
