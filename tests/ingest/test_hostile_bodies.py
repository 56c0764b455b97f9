"""POST /events: what a stranger sends costs time by its length, and memory by the bounds on events.

The work is counted in calls of functions and the memory in bytes allocated, neither of which depends on the machine.
"""

import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from footfall.errors import RequestRefused
from footfall.ingest import Collector, Headers
from footfall.journal import Folder, Journal
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.system.clock import SystemClock
from footfall.wire import Sender

EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1568381886060,
    "context": ["string"],
}
MIB = 1024 * 1024
SIZE = 3 * MIB


def many(item: str, size: int = SIZE) -> str:
    return "[" + ",".join([item] * (size // (len(item) + 1))) + "]"


def with_one(**changes: str) -> bytes:
    """A request of one event, in which these keys have these texts."""
    texts = {key: json.dumps(value) for key, value in EVENT.items()} | changes
    return ('{"events":[{' + ",".join(f'"{key}":{text}' for key, text in texts.items()) + "}]}").encode()


HOSTILE = {
    "empty events": f'{{"events":{many("{}")}}}'.encode(),
    "numbers for events": f'{{"events":{many("1")}}}'.encode(),
    "lists for events": f'{{"events":{many("[]")}}}'.encode(),
    "events of which the last is wrong": f'{{"events":{many(json.dumps(EVENT))[:-1]},1]}}'.encode(),
    "another key before": f'{{"x":{many("{}")},"events":[1]}}'.encode(),
    "another key in an event": with_one(x=many("{}"), customer="1"),
    "a list for a customer": with_one(customer=many("[]")),
    "values of a context": with_one(context=many('"a"')),
    "no values of a context": with_one(context=many("{}")),
    "digits of a timestamp": with_one(timestamp="1" * SIZE),
    "other keys": ("{" + ",".join(f'"{number}":0' for number in range(SIZE // 10)) + "}").encode(),
    "halves of pairs": with_one(customer='"' + "\\ud83d" * (MIB // 6) + '"'),
    "backslashes": with_one(customer='"\\ud83d' + "\\\\" * (SIZE // 2) + '"'),
    "ten thousand events with all values wrong": json.dumps(
        {"events": [{**EVENT, "context": [7] * 64}] * 10_000}, separators=(",", ":")
    ).encode(),
    "ten thousand events with all values null": json.dumps(
        {"events": [{**EVENT, "context": [None]}] * 10_000}, separators=(",", ":")
    ).encode(),
}


def collector(folder: Path, **changes: Any) -> Collector:
    settings = Settings(data_dir=str(folder), **changes)
    journal = Journal(Folder(folder / "journal"), settings, SystemClock())
    return Collector(journal, LivePlan(None, settings), settings, SystemClock())


def take(collector: Collector, body: bytes) -> Any:
    """What a refusal says, or the numbers of events that are taken and held."""
    try:
        taken = collector.preparation.prepare(Headers(), body, Sender)
    except RequestRefused as refused:
        return refused.message if len(refused.problems) <= 100 else "too many are named"
    return taken.accepted, taken.quarantined


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("mode", ["strict", "quarantine"])
def test_a_hostile_body_costs_no_more_than_its_length(tmp_path: Path, name: str, mode: str) -> None:
    body, used = HOSTILE[name], collector(tmp_path, plan_mode=mode)
    # What is made once, when it is first needed.
    take(used, HOSTILE["empty events"])
    calls = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        said = take(used, body)
    finally:
        sys.setprofile(None)
    tracemalloc.start()
    try:
        assert take(used, body) == said
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Ten thousand events cost some tens of calls each, whatever is in them; nothing is called for each byte.
    assert calls < 10_000 * 60, (calls, said)
    assert peak < 4 * len(body) + 24 * MIB, (peak / len(body), said)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, "the request cannot be read: at least 100 things are wrong"),
        ({**EVENT, "context": [7] * 64}, "the request cannot be read: at least 100 things are wrong"),
        ({**EVENT, "timestamp": 7}, "the request cannot be read: at least 100 things are wrong"),
        ({**EVENT, "context": ["x" * 70_000]}, "the request cannot be read: at least 100 things are wrong"),
        ({**EVENT, "type": "NO"}, "at least 100 events break the tracking plan; nothing was stored"),
    ],
)
def test_a_diagnosis_ends_where_an_error_names_no_more(tmp_path: Path, event: Any, said: str) -> None:
    assert take(collector(tmp_path), json.dumps({"events": [event] * 101}).encode()) == said
    assert "at least" not in take(collector(tmp_path), json.dumps({"events": [event]}).encode())


@pytest.mark.parametrize("item", ["{}", "1", json.dumps(EVENT)])
def test_events_are_counted_before_anything_is_said_of_them(tmp_path: Path, item: str) -> None:
    said = take(collector(tmp_path, batch_events_max=10), f'{{"events":[{",".join([item] * 11)}]}}'.encode())
    assert said == "a request takes 10 events at the most"


def test_more_events_than_one_pass_takes_are_all_read(tmp_path: Path) -> None:
    used = collector(tmp_path, batch_events_max=30_000)
    events = [{**EVENT, "version": None, "context": [str(number)]} for number in range(25_000)]
    assert take(used, json.dumps({"events": events}).encode()) == (25_000, 0)
    events[20_000]["timestamp"] = "x"
    assert (
        take(used, json.dumps({"events": events}, indent=1).encode())
        == "the request cannot be read: one thing is wrong"
    )


def test_a_long_text_full_of_commas_is_taken(tmp_path: Path) -> None:
    events = [{**EVENT, "context": ["," * 100]}] * 10_000
    assert take(collector(tmp_path), json.dumps({"events": events}).encode()) == (10_000, 0)
