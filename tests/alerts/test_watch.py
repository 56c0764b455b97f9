"""The watch over real parts: it looks, tells a real receiver, and goes on after a restart where it was."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from receivers import Receiver, receiving
from states import state_url

from footfall.alerts import AlertWatch, Sources
from footfall.alerts.messages import GONE_LOOKS
from footfall.metrics import EVENTS, Values
from footfall.settings import Settings
from footfall.state import Schedule, State
from footfall.store import Store

SECRET = "a secret of more than sixteen bytes"
NOW_MS = 1_760_000_000_000

pytestmark = pytest.mark.anyio


class Node:
    """A node whose store is away, and whose counts and times a test turns."""

    def __init__(self, folder: Any, url: str) -> None:
        self.settings = Settings(data_dir=str(folder), alert_url=url, alert_secret=SECRET)
        self.state = State(state_url(folder))
        self.store = Store(self.settings)
        self.ms = self.through_ms = NOW_MS
        self.counts: Values = {}
        self.is_leader = True
        self.watch = self.restart()

    def now_ms(self) -> int:
        return self.ms

    def restart(self) -> AlertWatch:
        sources = Sources(
            state=self.state,
            store=self.store,
            metrics=lambda: self.counts,
            loaded_through_ms=lambda: self.through_ms,
            is_leader=lambda: self.is_leader,
            cancelled="cancelled",
        )
        self.watch = AlertWatch(self.settings, self, "node-1", sources, settled_s=0)
        return self.watch

    async def send(self, receiver: Receiver, count: int) -> list[tuple[str, str]]:
        """What the receiver was told, once it has so many messages."""
        stop = asyncio.Event()
        sending = asyncio.create_task(self.watch.send(stop))
        async with asyncio.timeout(60):
            while len(receiver.received) < count:
                await asyncio.sleep(0.01)
        stop.set()
        await sending
        bodies = [json.loads(one.body) for one in receiver.received]
        return [(body["type"], body["data"]["key"]) for body in bodies]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def node(tmp_path: Any, receiver: Receiver) -> Iterator[Node]:
    found = Node(tmp_path, receiver.url)
    yield found
    found.state.close()
    found.store.close()


async def test_a_lag_is_told_once_across_a_restart_and_its_end_too(node: Node, receiver: Receiver) -> None:
    await node.watch.look()
    node.ms += 301_000
    await node.watch.look()
    # Stopped before the message was sent.
    node.restart()
    await node.watch.look()
    assert await node.send(receiver, 1) == [("alert.firing", "lag node=node-1")]
    values = node.watch.values()
    assert values["footfall_alerts_firing", "lag"] == 1
    assert values["footfall_alert_messages_total", "sent"] == 1
    node.through_ms = node.ms
    for _ in range(3):
        await node.watch.look()
    told = await node.send(receiver, 2)
    assert told[1] == ("alert.resolved", "lag node=node-1")
    assert node.watch.values()["footfall_alerts_firing", "lag"] == 0


async def test_refusals_of_events_are_told_and_those_of_other_calls_are_not(node: Node, receiver: Receiver) -> None:
    for name in ("2xx", "3xx", "4xx", "5xx"):
        node.counts["footfall_requests_total", EVENTS, name] = 0
    await node.watch.look()
    node.counts["footfall_requests_total", EVENTS, "2xx"] = 60
    node.counts["footfall_requests_total", "GET /reports", "4xx"] = 500
    await node.watch.look()
    node.counts["footfall_requests_total", EVENTS, "4xx"] = 40
    await node.watch.look()
    assert await node.send(receiver, 1) == [("alert.firing", "refusals node=node-1")]
    assert json.loads(receiver.received[0].body)["data"]["value"] == 40


async def test_what_all_nodes_share_is_told_by_one_of_them(node: Node, receiver: Receiver) -> None:
    failed = [("S-1", "anna", "monthly")]
    node.state.schedules.failed = lambda *_: failed  # type: ignore[method-assign]
    node.is_leader = False
    await node.watch.look()
    assert node.watch.values()["footfall_alert_messages_waiting",] == 0
    node.is_leader = True
    await node.watch.look()
    assert await node.send(receiver, 1) == [("alert.firing", "schedule name=monthly schedule=S-1 user=anna")]
    # Another node took over: it tells the end, and this one forgets.
    node.is_leader = False
    await node.watch.look()
    assert node.watch.values()["footfall_alerts_firing", "schedule"] == 0
    assert node.watch.values()["footfall_alert_messages_waiting",] == 0


async def test_an_alert_that_goes_on_is_not_told_to_have_ended_because_there_are_too_many(
    node: Node, receiver: Receiver, monkeypatch: Any, caplog: Any
) -> None:
    monkeypatch.setattr("footfall.alerts.watch.ALERTS_MAX", 2)
    failed = [("a", "anna", "one"), ("b", "anna", "two")]
    monkeypatch.setattr(node.state.schedules, "failed", lambda *_: list(failed))
    await node.watch.look()
    # A third comes first in the list.
    failed.insert(0, ("0", "anna", "three"))
    for _ in range(GONE_LOOKS + 1):
        await node.watch.look()
    told = await node.send(receiver, 2)
    assert [(what, key.split()[2]) for what, key in told] == [
        ("alert.firing", "schedule=a"),
        ("alert.firing", "schedule=b"),
    ]
    # The log says once that there is more.
    assert [line for line in caplog.messages if "not told" in line] == ["1 alert not told: 2 are enough at once"]


async def test_many_failed_schedules_are_counted_and_some_are_named_for_as_long_as_they_fail(
    node: Node, receiver: Receiver, monkeypatch: Any
) -> None:
    monkeypatch.setattr("footfall.alerts.watch.SCHEDULES_NAMED_MAX", 2)
    for name in "defg":
        add_failed_schedule(node.state, name)
    await node.watch.look()
    told = await node.send(receiver, 3)
    assert {key for _, key in told} == {"schedule", *(f"schedule name={one} schedule={one} user=ann" for one in "de")}
    together = json.loads(receiver.received[0].body)["data"]
    assert (together["subject"], together["value"]) == ({}, 4)
    assert together["text"] == "4 schedules have failed, 2 of them are told one by one: footfall schedule list"
    # More come first in the list, and one of the named is well again: another takes its place.
    for name in "abc":
        add_failed_schedule(node.state, name)
    node.state.schedules.resume("d", node.ms)
    for _ in range(GONE_LOOKS + 1):
        await node.watch.look()
    told = await node.send(receiver, 5)
    assert told[3:] == [
        ("alert.resolved", "schedule name=d schedule=d user=ann"),
        ("alert.firing", "schedule name=a schedule=a user=ann"),
    ]


def add_failed_schedule(state: State, name: str) -> None:
    every = {"every": "day", "timezone": "UTC", "grace_s": 0, "correction_days": 0, "correction": "full"}
    times = {"created_ms": 0, "next_start_ms": 0, "next_due_ms": 0}
    state.schedules.add(
        Schedule(id=name, user="ann", account="a", name=name, body="{}", reason="the owner is gone", **every, **times),
        9,
    )
