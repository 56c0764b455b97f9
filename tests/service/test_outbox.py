"""Outboxes of the Python client against the real service: whatever happens, each tracked event arrives once."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from footfall_client import BatchResult, Outbox, OutboxOptions
from hostile_proxy import KINDS, hostile_proxy
from programs import program

CLIENT = Path(__file__).parents[2] / "clients" / "python" / "src"
EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-APPLICATION-LOADED"}
QUICK = OutboxOptions(batch_events_max=50, batch_age_max_s=0.02, backoff_min_s=0.02, backoff_max_s=0.1, timeout_s=20)
# Where the times of a test's events begin, so that its report has no others.
TIMES = itertools.count(1_500_000_000_000, 1_000_000_000)


@pytest.fixture
def start() -> int:
    return next(TIMES)


@pytest.fixture
def open_outbox(tmp_path: Path) -> Iterator[Callable[..., Outbox]]:
    opened = []

    def make(url: str, **changes: Any) -> Outbox:
        opened.append(Outbox(tmp_path / "outbox", url, **{"options": QUICK, "handle_sigterm": False, **changes}))
        return opened[-1]

    yield make
    for outbox in opened:
        outbox.close(0)


def event(number: int) -> dict[str, Any]:
    return {**EVENT, "timestamp": number, "context": [str(number)]}


def arrived(service: Any, start: int) -> Counter[int]:
    """How often each event of a test is in a report."""
    rows = service.report(customer="BARCHART", product="WATCHLIST", start=start, end=start + 999_999_999).splitlines()
    return Counter(int(row.split("|")[0]) for row in rows)


def run_program(path: Path, url: str, *words: object) -> subprocess.Popen[str]:
    command = [sys.executable, program("track_and_be_killed"), str(path), url, *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def said(output: str) -> set[int]:
    """The events of which a program said that they were tracked; a line that was cut says nothing."""
    pairs = [line.split() for line in output.split("\n")[:-1]]
    return {number for pair in pairs if len(pair) == 2 for number in range(int(pair[0]), int(pair[1]) + 1)}


def test_events_arrive_and_are_counted(shared, open_outbox, start):
    results: list[BatchResult] = []
    outbox = open_outbox(shared.url, on_batch=results.append)
    outbox.track(**event(start))
    assert outbox.track_many(event(start + number) for number in range(1, 120)) == 119
    assert outbox.flush(30)
    stats = outbox.stats()
    assert (stats.tracked, stats.acknowledged, stats.waiting) == (120, 120, 0)
    assert outbox.healthy()
    assert sum(result.events for result in results) == 120
    assert {result.outcome for result in results} == {"accepted"}
    for result in results:
        receipt = shared.client.get(f"/events/{result.batch}").raise_for_status().json()
        assert len(receipt["events"]) == result.events
    assert arrived(shared, start) == Counter(range(start, start + 120))


def test_events_in_memory_arrive(shared, start):
    with Outbox(None, shared.url, durable=False, options=QUICK, handle_sigterm=False) as outbox:
        for number in range(300):
            outbox.track(**event(start + number))
        assert outbox.flush(30)
    assert arrived(shared, start) == Counter(range(start, start + 300))


def test_refused_events_are_put_aside_with_their_reasons(shared, open_outbox, start, caplog):
    outbox = open_outbox(shared.url)
    wrong = [{**event(start + 1), "type": "WATCHLIST-ACCESED"}, {**event(start + 3), "context": ["a", "b"]}]
    outbox.track_many([event(start), wrong[0], event(start + 2), wrong[1], {**event(start), "timestamp": 4}])
    assert outbox.flush(30)
    stats = outbox.stats()
    assert (stats.acknowledged, stats.rejected, stats.rejects) == (2, 3, 3)
    rejects = outbox.rejects()
    assert {(one.event["timestamp"], one.code) for one in rejects} == {
        (start + 1, "EVENT_NOT_IN_PLAN"),
        (start + 3, "EVENT_NOT_IN_PLAN"),
        (4, "REQUEST_INPUT_MALFORMED"),
    }
    assert any("did you mean WATCHLIST-ACCESSED?" in one.reason for one in rejects)
    assert "refused" in caplog.text
    assert arrived(shared, start) == Counter([start, start + 2])


def test_rejects_are_sent_again_on_request(shared, open_outbox, start):
    outbox = open_outbox(shared.url)
    outbox.track_many([{**event(start), "context": []}, {**event(start + 1), "context": []}])
    assert outbox.flush(30)
    first, second = outbox.rejects()
    assert outbox.retry_rejects([first.id]) == 1
    assert outbox.flush(30)
    assert outbox.drop_rejects([second.id]) == 1
    assert [one.event for one in outbox.rejects()] == [{**event(start), "context": []}]
    assert outbox.stats().rejected == 3


def test_too_large_a_batch_is_split(shared, open_outbox, start):
    options = OutboxOptions(batch_events_max=10_500, batch_bytes_max=8 << 20, batch_age_max_s=0.02)
    outbox = open_outbox(shared.url, options=options)
    outbox.track_many(event(start + number) for number in range(10_400))
    assert outbox.flush(30)
    assert outbox.stats().acknowledged == 10_400
    assert arrived(shared, start) == Counter(range(start, start + 10_400))


def test_a_bad_network_loses_and_doubles_nothing(shared, open_outbox, start):
    with hostile_proxy(shared.url) as proxy:
        outbox = open_outbox(proxy.url)
        for number in range(0, 1000, 20):
            outbox.track_many(event(start + number + each) for each in range(20))
        assert outbox.flush(100)
        assert set(proxy.met) == set(KINDS)
        # The same key is always the same bytes.
        assert {len(bodies) for bodies in proxy.bodies.values()} == {1}
        assert len(proxy.keys) > len(proxy.bodies)
    assert outbox.stats().acknowledged == 1000
    assert arrived(shared, start) == Counter(range(start, start + 1000))


def test_retry_after_is_obeyed_by_whoever_sends(shared, open_outbox, start):
    with hostile_proxy(shared.url, ("429",), retry_after_s=3) as proxy:
        first = open_outbox(proxy.url)
        first.track(**event(start))
        first.flush(1)
        begun = time.monotonic()
        assert len(proxy.keys) == 1
        first.close(0)
    second = open_outbox(shared.url)
    assert not second.flush(1)
    assert second.flush(20)
    assert time.monotonic() - begun > 1.5
    assert arrived(shared, start) == Counter([start])


def test_a_service_that_was_down_gets_everything(shared, open_outbox, start):
    first = open_outbox("http://127.0.0.1:9")
    first.track_many(event(start + number) for number in range(500))
    assert not first.flush(0.5)
    first.close(0)
    second = open_outbox(shared.url)
    assert second.flush(30)
    assert arrived(shared, start) == Counter(range(start, start + 500))


@pytest.mark.parametrize("how", ["alone", "background"])
def test_a_program_that_is_killed_loses_and_doubles_nothing(shared, tmp_path, start, how):
    dice = random.Random(start)
    tracked: set[int] = set()
    for each in range(3):
        first = start + each * 1_000_000
        process = run_program(tmp_path / "outbox", shared.url, first, 10_000, 25, how)
        time.sleep(dice.uniform(0.25, 1.2))
        process.kill()
        output, _ = process.communicate()
        tracked |= said(output)
    with Outbox(tmp_path / "outbox", shared.url, options=QUICK, handle_sigterm=False) as outbox:
        assert outbox.flush(60)
    found = arrived(shared, start)
    assert set(found.values()) == {1}
    assert tracked <= set(found)
    # What was being tracked when the program was killed may have arrived, a group of each round.
    assert len(set(found) - tracked) <= 3 * 25


@pytest.mark.parametrize("how", ["fork", "thread", "asyncio"])
def test_children_threads_and_tasks_send_each_event_once(shared, tmp_path, start, how):
    with hostile_proxy(shared.url, seed=3) as proxy:
        process = run_program(tmp_path / "outbox", proxy.url, start, 1200, 3, how)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert len(said(output)) == 1200
        assert output.endswith("tracked\nsent\n")
    assert arrived(shared, start) == Counter(range(start, start + 1200))


def test_sigterm_sends_what_waits(shared, tmp_path, start):
    code = (
        "import sys, time; from footfall_client import *\n"
        f"o = Outbox({str(tmp_path / 'outbox')!r}, {shared.url!r}, durable='background',"
        " options=OutboxOptions(batch_age_max_s=600))\n"
        f"[o.track(**{EVENT}, timestamp={start} + n, context=[str(n)]) for n in range(700)]\n"
        "print('tracked', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline() == "tracked\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert arrived(shared, start) == Counter(range(start, start + 700))


def test_the_end_of_a_program_sends_what_waits(shared, tmp_path, start):
    code = (
        "from footfall_client import *\n"
        f"o = Outbox({str(tmp_path / 'outbox')!r}, {shared.url!r}, durable='background',"
        " options=OutboxOptions(batch_age_max_s=600))\n"
        f"[o.track(**{EVENT}, timestamp={start} + n, context=[str(n)]) for n in range(700)]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(CLIENT)}, timeout=60)
    assert arrived(shared, start) == Counter(range(start, start + 700))


def test_nothing_is_lost_when_the_deadline_passes(shared, tmp_path, start, open_outbox):
    with hostile_proxy(shared.url, ("503",)) as proxy:
        first = open_outbox(proxy.url)
        first.track_many(event(start + number) for number in range(100))
        begun = time.monotonic()
        assert not first.close(0.5)
        assert time.monotonic() - begun < 3
    assert open_outbox(shared.url).flush(30)
    assert arrived(shared, start) == Counter(range(start, start + 100))
