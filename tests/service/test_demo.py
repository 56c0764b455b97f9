"""The demo and a whole service: the statistics tell the demo's numbers, and events of others are left alone."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

from footfall.demo import Demo, Kind
from footfall.demo.traffic import WINDOW_MS

ASKED = ("--days", "20", "--events", "4000", "--seed", "11", "--until")


def demo(service, *arguments: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    command = [sys.executable, "-m", "footfall", "demo", "--data-dir", str(service.folder), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(service, *arguments: str) -> tuple[int, str, str]:
    with demo(service, *arguments) as process:
        said, errors = process.communicate(timeout=120)
    return process.returncode, said, errors


def counts(service, wanted: int, **parameters: str) -> dict:
    """The counts by type of all events, once so many are in the store."""
    deadline = time.monotonic() + 60
    while True:
        found = service.client.get(
            "/usage/counts", params={"customer": "*", "product": "*", "by": "type", **parameters}
        )
        body = found.raise_for_status().json()
        if body["total"]["events"] >= wanted or time.monotonic() > deadline:
            assert body["total"]["events"] == wanted
            return body


def accepted(service) -> int:
    """How many events the service has accepted since it began."""
    text = service.client.get("/metrics").raise_for_status().text
    return int(float(re.search(r"^footfall_events_accepted_total ([\d.e+]+)$", text, re.MULTILINE)[1]))


def test_the_statistics_tell_what_the_demo_says_that_it_made_however_often_it_is_posted(holding):
    until = int(time.time() * 1000) // WINDOW_MS * WINDOW_MS - 1
    made = Demo(seed=11, customers=("BARCHART", "TGAM"), end_ms=until + 1, days=20, events=4000)
    of_kind = {kind: [e for r in made.requests() if r.kind is kind for e in r.events] for kind in Kind}
    usual, anew, broken = of_kind[Kind.USUAL], of_kind[Kind.DUPLICATE], of_kind[Kind.BROKEN]
    assert all(of_kind.values())
    status, said, errors = run(holding, *ASKED, str(until))
    assert status == 0, errors
    assert said.startswith(f"posted {len(usual):,} events of BARCHART and TGAM from ")
    body = counts(holding, len(usual) + len(anew), start=str(made.start))
    assert body["total"]["duplicates"] == len(anew)
    expected = Counter(event.type for event in [*usual, *anew])
    found = Counter()
    for row in body["counts"]:
        found[row["type"]] += row["events"]
    assert found == expected
    # Once more: everything is there already.
    assert run(holding, *ASKED, str(until))[0] == 0
    time.sleep(2)
    assert counts(holding, len(usual) + len(anew), start=str(made.start))["total"] == body["total"]
    held = holding.client.get("/quarantine", params={"limit": "1000"}).json()["events"]
    in_seconds = sum(event.timestamp < 10**10 for event in broken)
    assert len(held) == len(broken) - in_seconds
    late = [event for event in usual if event.timestamp < time.time() * 1000 - 86_400_000 - 120_000]
    assert body["total"]["late"] >= len(late)


def test_the_demo_goes_on_live_until_ctrl_c(holding):
    with demo(holding, "--days", "2", "--events", "300", "--live", "--rate", "50") as process:
        begun = process.stdout.readline()
        while not process.stdout.readline().startswith("live: about 50 events a second"):
            assert process.poll() is None, process.stderr.read()
        wanted, deadline = accepted(holding) + 30, time.monotonic() + 60
        while accepted(holding) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=30)
    assert begun.startswith("posted ")
    assert (process.returncode, "Traceback" in errors) == (0, False)
    assert int(re.search(r"^live: ([\d,]+) events?,", said, re.MULTILINE)[1].replace(",", "")) > 10


def test_a_service_with_events_of_others_is_left_alone_unless_told(holding):
    now_ms = int(time.time() * 1000)
    event = {"customer": "BARCHART", "product": "ALERT", "type": "ALERT-STARTED-ALL", "context": ["somebody"]}
    holding.post([{**event, "timestamp": now_ms - at} for at in range(101)])
    holding.report(customer="BARCHART", product="ALERT")  # it waits until they are in the store
    status, said, errors = run(holding, "--events", "1000")
    assert (status, said, errors.count("\n")) == (1, "", 1)
    assert errors.startswith(f"Error: the service on {holding.folder} has more than 100 events that are not made up")
    assert "or say --yes" in errors
    assert run(holding, "--url", holding.url)[2].endswith("say --yes if you do\n")
    assert run(holding, "--url", holding.url, "--yes", "--days", "1", "--events", "50")[0] == 0


def test_a_plan_that_does_not_take_the_demo_is_told_before_anything_is_sent(holding):
    status, said, errors = run(holding, "--customer", "DEMO-BANK")
    assert (status, said) == (1, "")
    assert "DEMO-BANK is not a customer of the tracking plan" in errors
