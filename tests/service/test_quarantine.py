"""Quarantine end to end: an old plan, a new one, releases that are killed, reports that do not move."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing

from quarantined import remake

from footfall.plan import load_plan
from footfall.settings import Settings
from footfall.state import State
from footfall.store import Store

TIME = 1_568_381_886_060
OLD = """
[products.SHOP]
columns = ["user", "item"]

[products.SHOP.types]
OPENED = ["user"]
"""
NEW = OLD + 'BOUGHT = ["user", "item"]\n'
FILTER = {"customer": "C", "product": "SHOP"}


def event(number: int, kind: str, *context: str) -> dict:
    return {**FILTER, "type": kind, "timestamp": TIME + number, "context": list(context)}


def made_again(service, status: dict, plan) -> str:
    """The file of an earlier report, made now by what makes reports, as of the time at which it was started."""
    state = State(f"sqlite:///{service.folder / 'state.db'}")
    store = Store(Settings(data_dir=str(service.folder)))
    with closing(state), closing(store):
        job = state.jobs.get(status["job"])
        return remake(store, job, load_plan(plan)).decode()


def command(service, plan, *arguments: str) -> list[str]:
    """The release as an operator starts it, in a process of its own."""
    settings = {"data_dir": service.folder, "plan": plan, "plan_mode": "quarantine", "disk_free_bytes_min": 0}
    given = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    return [sys.executable, "-m", "footfall", *given, "quarantine", *arguments]


def run(service, plan, *arguments: str) -> str:
    done = subprocess.run(command(service, plan, *arguments), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def take_up(service, plan) -> None:
    """Put the new plan in force in all processes."""
    plan.write_text(NEW)
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    probe = {**event(0, "BOUGHT", "u", "probe"), "customer": "PROBE"}
    while "footfall-quarantined" in service.post([probe]).headers:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_an_old_plan_held_is_released_once_whatever_is_killed_and_no_earlier_report_moves(serve, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(OLD)
    service = serve(plan=plan, plan_mode="quarantine")
    held = 0
    for batch in range(20):
        numbers = range(batch * 1000, batch * 1000 + 1000)
        sent = [event(n, "BOUGHT", "u" * 200, str(n)) if n % 2 else event(n, "OPENED", str(n)) for n in numbers]
        answer = service.post(sent, **{"idempotency-key": str(batch)})
        held += int(answer.headers["footfall-quarantined"])
        assert [each["sequence"] for each in answer.json()] == list(range(1, 1001, 2))
    assert held == 10_000
    started = service.client.post("/reports", json={"filter": FILTER}).json()
    assert service.wait(started["source"])["status"] == "COMPLETE"
    first = service.client.get(f"/reports/{started['source']}", headers={"accept": "text/csv"}, follow_redirects=True)
    assert first.text.count("\n") == 10_000
    assert made_again(service, started, plan) == first.text

    take_up(service, plan)
    journal = service.folder / "journal"
    for limit in (1, 2, 3):
        before = set(journal.iterdir()) | set((service.folder / "archive").rglob("*"))
        release = subprocess.Popen(
            command(service, plan, "release", "--all"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        # Killed when it has begun to write; how much of it is done by then is left to chance.
        while release.poll() is None and len(set(journal.iterdir()) - before) < limit:
            time.sleep(0.001)
        release.kill()
        release.communicate()
    run(service, plan, "release", "--all")
    assert "no such events" in run(service, plan, "list", "--customer", "C")
    rows = service.report(**FILTER).splitlines()
    assert Counter(row.split("|")[1] for row in rows) == {"OPENED": 10_000, "BOUGHT": 10_000}
    assert len({row.split("|")[0] for row in rows}) == 20_000
    assert made_again(service, started, plan) == first.text

    # A client that sends a request again under the new plan sends the same events.
    again = [event(n, "BOUGHT", "u" * 200, str(n)) if n % 2 else event(n, "OPENED", str(n)) for n in range(1000)]
    assert len(service.post(again, **{"idempotency-key": "0"}).json()) == 1000
    assert service.report(**FILTER).splitlines() == rows


def test_a_release_over_http_that_was_answered_outlives_kill_9_of_everything(serve, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(OLD)
    service = serve(plan=plan, plan_mode="quarantine")
    answer = service.post([event(1, "OPENED", "u"), event(2, "BOUGHT", "u", "i"), event(3, "SOLD", "u")])
    assert answer.headers["footfall-quarantined"] == "2"
    made = service.report(**FILTER)
    assert made.count("\n") == 1
    take_up(service, plan)
    # Without a worker the change waits in the journal, and its place there is what the answer promises.
    (worker,) = service.children("worker")
    os.kill(worker, signal.SIGSTOP)
    released = service.client.post("/quarantine/release", json={"filter": {"customer": "C"}}).json()
    assert (released["released"], released["stayed"], released["loaded"]) == (1, 1, False)
    # Another change would not know what the first one did.
    assert service.client.post("/quarantine/drop", json={"filter": {"type": "SOLD"}}).status_code == 503
    service.kill_group()
    service = serve(plan=plan, plan_mode="quarantine", port=service.port)
    assert [row.split("|")[1] for row in service.report(**FILTER).splitlines()] == ["OPENED", "BOUGHT"]
    assert service.client.post("/quarantine/drop", json={"filter": {"type": "SOLD"}}).json()["dropped"] == 1
    page = service.client.get("/quarantine", params={"state": "all", "customer": "C"}).json()["events"]
    assert sorted((each["type"], each["state"]) for each in page) == [("BOUGHT", "released"), ("SOLD", "dropped")]
    assert service.client.post("/quarantine/release", json={"filter": {"customer": "C"}}).json()["released"] == 0
