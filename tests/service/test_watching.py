"""What operators and clients can see of the real service: metrics of all its processes, and receipts."""

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections import Counter
from typing import Any

import httpx

EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1_700_000_000_000,
    "context": ["user"],
}

ROLES = ("supervisor", "web", "worker", "engine")


def metrics(run: Any) -> dict[str, float]:
    try:
        text = run.client.get("/metrics").raise_for_status().text
    except httpx.TransportError:  # the process at the other end was killed
        return {}
    return {name: float(value) for name, value in re.findall(r"^(\w.*) (\S+)$", text, re.MULTILINE)}


def wait_for(run: Any, **expected: float) -> dict[str, float]:
    """The metrics, once these have their values."""
    end = time.monotonic() + 60
    while True:
        found = metrics(run)
        if all(found.get(f"footfall_{name}") == value for name, value in expected.items()):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.1)


def post(run: Any, requests: int) -> list[str]:
    """The batches of so many requests of three events."""
    return [run.post([EVENT] * 3).raise_for_status().json()[0]["batch"] for _ in range(requests)]


class Follower:
    """Listens to all events like a browser: after a break it connects again, from the last id that it was told."""

    def __init__(self, url: str, auth: Any) -> None:
        self.told: list[tuple[str, int]] = []
        self._client = httpx.Client(base_url=url, auth=auth, timeout=httpx.Timeout(20, read=None))
        self._last_id = self._next_id = ""
        self._is_listening, self._is_over = threading.Event(), False
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()
        assert self._is_listening.wait(20)

    def wait_for(self, number: int) -> None:
        end_s = time.monotonic() + 20
        while len(self.told) < number:
            assert time.monotonic() < end_s, self.told
            time.sleep(0.05)

    def close(self) -> None:
        self._is_over = True
        self._thread.join(20)
        self._client.close()

    def _follow(self) -> None:
        while not self._is_over:
            with contextlib.suppress(httpx.TransportError):
                headers = {"last-event-id": self._last_id} if self._last_id else {}
                with self._client.stream("GET", "/usage/live?customer=*&product=*", headers=headers) as answer:
                    for line in answer.iter_lines():
                        self._read(line)
            time.sleep(0.05)

    def _read(self, line: str) -> None:
        name, _, value = line.partition(": ")
        if name == "id":
            self._next_id = value
        elif not line:
            self._last_id = self._next_id
            self._is_listening.set()
        elif name == "data":
            event = json.loads(value)
            # On a busy machine the stream says that some may be missing; here none may be.
            if "batch" in event:
                self.told.append((event["batch"], event["sequence"]))


def test_metrics_are_of_all_processes_and_go_on_over_deaths_and_restarts(serve) -> None:
    run = serve(web_processes=2)
    follower = Follower(run.url, run.client.auth)
    sent = post(run, 20)
    assert run.post([{**EVENT, "type": "X"}]).status_code == 400
    found = wait_for(run, events_accepted_total=60, events_loaded_total=60, journal_segments=0, store_away=0)
    assert found['footfall_requests_refused_total{code="EVENT_NOT_IN_PLAN"}'] == 1
    assert found['footfall_processes{role="web"}'] == 2
    assert found['footfall_processes{role="worker"}'] == 1
    assert found["footfall_disk_free_bytes"] > 0
    assert found['footfall_processes{role="engine"}'] == 1
    assert {role: found[f'footfall_process_memory_bytes{{role="{role}"}}'] > 2**20 for role in ROLES} == dict.fromkeys(
        ROLES, True
    )
    assert found['footfall_requests_total{route="POST /events",status="2xx"}'] == 20
    # Each process times the first, and few of those that follow.
    assert 1 <= found["footfall_journal_sync_duration_seconds_count"] <= 4
    assert found["footfall_journal_commit_requests_sum"] >= 1
    assert found['footfall_collect_step_duration_seconds_sum{step="gather"}'] > 0
    assert 1 <= found['footfall_collect_step_duration_seconds_count{step="prepare"}'] <= 2
    assert found["footfall_load_duration_seconds_count"] >= 1
    assert {key for key in found if key.startswith("footfall_queue_requests")} == {
        f'footfall_queue_requests{{queue="{queue}"}}'
        for queue in ("bodies", "codes", "estimates", "receipts", "sign_ins", "usage")
    }
    start(run, {"customer": "BARCHART", "product": "PORTFOLIO"}, "keep")
    wait_for(run, **{'report_duration_seconds_count{status="COMPLETE"}': 1})
    wait_for(run, quarantine_events=0, schedules_failed=0)
    wait_for(run, segments_aside=0)
    assert metrics(run)["footfall_loaded_through_age_seconds"] < 30
    for process in (*run.children("web"), *run.children("worker")):
        os.kill(process, signal.SIGKILL)
    wait_for(run, events_accepted_total=60, events_loaded_total=60, **{'processes{role="web"}': 2})
    sent += post(run, 5)
    wait_for(run, events_accepted_total=75, events_loaded_total=75)
    # Whoever listens connected again when the processes were killed, and was told everything once.
    follower.wait_for(75)
    assert Counter(follower.told) == {(batch, sequence): 1 for batch in sent for sequence in (1, 2, 3)}
    began_s = time.monotonic()
    assert run.stop() == 0
    # A stream that is open is no reason to wait.
    assert time.monotonic() - began_s < 10
    follower.close()
    run = serve(web_processes=1)
    wait_for(run, events_accepted_total=75, events_loaded_total=75, **{'processes{role="web"}': 1})


def test_a_receipt_can_be_had_at_once_and_later(shared) -> None:
    run = shared
    (batch,) = post(run, 1)
    statuses: set[str] = set()
    end = time.monotonic() + 60
    while "stored" not in statuses:
        answer = run.client.get(f"/events/{batch}")
        # Until the worker has made the store's tables, a receipt can only be of the journal.
        assert answer.status_code == 200
        events = answer.json()["events"]
        assert [event["sequence"] for event in events] == [1, 2, 3]
        statuses |= {event["status"] for event in events}
        assert time.monotonic() < end
    (again,) = post(run, 1)
    originals = [{"batch": batch, "sequence": 1}] * 3
    while [event.get("duplicateOf") for event in run.client.get(f"/events/{again}").json()["events"]] != originals:
        assert time.monotonic() < end
    assert run.client.get("/events/00000000-0000-4000-8000-000000000000").status_code == 404


def test_duplicates_are_counted_reported_and_dropped(shared) -> None:
    run, start_ms = shared, 1_710_000_000_000
    events = [{**EVENT, "timestamp": start_ms + n} for n in range(10)]
    for _ in range(3):
        run.post(events).raise_for_status()
    filters = {"customer": "BARCHART", "product": "PORTFOLIO", "start": start_ms, "end": start_ms + 9}
    answers = {mode: start(run, filters, mode) for mode in ("keep", "drop")}
    assert {mode: len(text.splitlines()) for mode, (_, text) in answers.items()} == {"keep": 30, "drop": 10}
    assert {head["footfall-duplicates"] for head, _ in answers.values()} == {"20"}
    counted = count(run, {**filters, "duplicates": "drop", "interval": "all"})
    assert counted["total"] == {"events": 10, "duplicates": 20, "late": 10}
    assert counted["counts"] == [{"type": EVENT["type"], "events": 10, "duplicates": 20, "late": 10}]
    # What nobody knows counts nothing, and the answer says why.
    misspelt = run.client.get("/usage/counts", params={"customer": "BARCHART", "product": "PORTFOILO"})
    assert misspelt.json()["total"]["events"] == 0
    assert misspelt.headers["footfall-warning"] == "unknown product PORTFOILO; did you mean PORTFOLIO?"


def count(run: Any, wanted: dict[str, str]) -> dict[str, Any]:
    """What is counted as of now, once the nodes have told that all of it is in the store."""
    as_of, end = int(time.time() * 1000), time.monotonic() + 60
    while True:
        found: dict[str, Any] = run.client.get("/usage/counts", params={**wanted, "asOf": as_of}).json()
        if found["complete"]:
            return found
        assert time.monotonic() < end
        time.sleep(0.1)


def start(run: Any, filters: dict[str, str], mode: str) -> tuple[Any, str]:
    """The headers and the file of a report."""
    body = {"filter": filters, "duplicates": mode}
    source = run.client.post("/reports", json=body).raise_for_status().json()["source"]
    assert run.wait(source)["status"] == "COMPLETE"
    head = run.client.get(f"/reports/{source}/availability").headers
    file = run.client.get(f"/reports/{source}", headers={"accept": "text/csv"}, follow_redirects=True)
    return head, file.text
