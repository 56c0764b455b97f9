"""End to end, nothing replaced: the processes, the engine, real kills."""

import os
import signal
import socket
import threading
import time
from importlib.resources import files

import httpx

from footfall.system.process import CHILD_STOP_SIGNAL

EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1568381886060,
    "context": ["string"],
}


def numbered(batch: int, count: int) -> list[dict]:
    """Events that can be told apart: the second context value is unique."""
    event = {**EVENT, "type": "PORTFOLIO-ACCESSED"}
    return [
        {**event, "timestamp": EVENT["timestamp"] + number, "context": ["u", f"{batch}-{number}"]}
        for number in range(count)
    ]


def test_the_six_calls_and_nobody_else_may_read_what_they_left(serve):
    before = os.umask(0)
    service = serve()
    os.umask(before)
    assert service.folder.stat().st_mode & 0o777 == 0o777
    sent = service.post([EVENT, {**EVENT, "timestamp": EVENT["timestamp"] - 1}])
    assert (sent.status_code, [event["sequence"] for event in sent.json()]) == (200, [1, 2])
    answer = service.client.post("/reports", json={"filter": {"customer": "BARCHART", "product": "PORTFOLIO"}})
    status = answer.json()
    assert list(status) == ["job", "source", "status", "filter", "timing"]
    done = service.wait(status["source"])
    assert done["status"] == "COMPLETE"
    link = service.client.get(f"/reports/{status['source']}").json()["link"]
    file = httpx.get(link)
    tail = "PORTFOLIO-APPLICATION-LOADED|string" + "|" * 9 + "\n"
    assert file.text == f"1568381886059|{tail}1568381886060|{tail}"
    assert service.client.get("/service/version").json()["service"]["name"] == "footfall"
    assert service.client.get("/service/authenticate").json()["user"]["id"] == "admin"
    made = [path for path in service.folder.rglob("*") if path.name != "log" and not path.is_symlink()]
    assert service.stop() == 0
    made += [path for path in service.folder.rglob("*") if path.name != "log" and not path.is_symlink()]
    modes = {path: path.stat().st_mode & 0o077 for path in made if path.exists()}
    assert [path for path, mode in modes.items() if mode] == []
    assert "other users of this machine may use" in (service.folder / "log").read_text()


def test_what_was_acknowledged_before_kill_9_of_everything_is_reported_exactly_once(serve):
    port, acknowledged, maybe = 0, set(), set()
    for round_number in range(3):
        service = serve(port=port, web_processes=2)
        port = service.port
        accepted = threading.Event()

        def load(client_number: int, service=service, round_number=round_number, accepted=accepted) -> None:
            with httpx.Client(base_url=service.url, timeout=30) as client:
                for number in range(10_000):
                    batch = (round_number * 10 + client_number) * 100_000 + number
                    events = numbered(batch, 20)
                    names = {event["context"][1] for event in events}
                    maybe.update(names)
                    try:
                        answer = client.post("/events", json={"events": events})
                    except httpx.TransportError:
                        return
                    assert answer.status_code == 200
                    acknowledged.update(names)
                    if number > 50:
                        accepted.set()

        clients = [threading.Thread(target=load, args=(number,)) for number in range(4)]
        for client in clients:
            client.start()
        assert accepted.wait(60)
        service.kill_group()
        for client in clients:
            client.join()
    service = serve(port=port)
    rows = [line.split("|")[3] for line in service.report(customer="BARCHART", product="PORTFOLIO").splitlines()]
    assert len(rows) == len(set(rows))
    assert acknowledged <= set(rows) <= maybe
    assert len(acknowledged) > 3000


def test_the_engine_may_be_killed_under_load_and_no_request_fails(sturdy):
    service = sturdy
    service.post(numbered(0, 1))
    engine_seen, sent = set(), 1
    deadline = time.monotonic() + 60
    while len(engine_seen) < 4 and time.monotonic() < deadline:
        for pid in service.children("engine"):
            if pid not in engine_seen and (service.folder / "run" / "engine.json").exists():
                engine_seen.add(pid)
                os.kill(pid, signal.SIGKILL)
        answer = service.post(numbered(sent, 10))
        assert answer.status_code == 200
        sent += 1
    assert len(engine_seen) == 4
    wanted = {"customer": "BARCHART", "product": "PORTFOLIO", "types": ["PORTFOLIO-ACCESSED"]}
    rows = service.report(**wanted).splitlines()
    assert len(rows) == len(set(rows)) == 10 * (sent - 1) + 1


def test_a_killed_web_process_refuses_nobody_for_long(sturdy):
    service = sturdy
    (web,) = service.children("web")
    assert service.post([EVENT]).status_code == 200
    os.kill(web, signal.SIGKILL)
    with httpx.Client(base_url=service.url, timeout=30) as client:
        assert client.post("/events", json={"events": [EVENT]}).status_code == 200
    wanted = {"customer": "BARCHART", "product": "PORTFOLIO", "types": [EVENT["type"]]}
    assert len(service.report(**wanted).splitlines()) == 2


def test_a_clean_stop_loads_what_was_accepted(serve):
    service = serve()
    service.post(numbered(0, 100))
    # A service manager, and `timeout`, tell all processes at once.
    os.killpg(service.process.pid, signal.SIGTERM)
    assert service.process.stdout.read().startswith("footfall is stopped")
    assert service.stop() == 0
    assert list((service.folder / "journal").iterdir()) == []
    assert "ended with status" not in (service.folder / "log").read_text()


def test_a_stop_during_a_slow_upload_seals_the_journal_and_kills_nothing(serve):
    service = serve(stop_timeout_s=4)
    service.post(numbered(0, 100))
    with socket.create_connection(("127.0.0.1", service.port)) as upload:
        upload.sendall(b"POST /events HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n")
        upload.sendall(b'Content-Length: 1000000\r\n\r\n{"events":')
        service.post(numbered(100, 1))
        assert service.stop() == 0
    assert "is killed" not in (service.folder / "log").read_text()
    assert list((service.folder / "journal").iterdir()) == []


def test_a_clean_stop_waits_for_a_worker_that_still_starts(serve):
    service = serve()
    while not service.children("worker"):
        time.sleep(0.01)
    (worker,) = service.children("worker")
    os.kill(worker, CHILD_STOP_SIGNAL)
    service.post(numbered(0, 100))
    assert service.stop() == 0
    assert list((service.folder / "journal").iterdir()) == []


def test_a_clean_stop_waits_for_an_engine_that_still_starts(serve):
    service = serve()
    while not service.children("engine"):
        time.sleep(0.01)
    (engine,) = service.children("engine")
    os.kill(engine, signal.SIGSTOP)
    service.post(numbered(0, 100))
    service.process.send_signal(signal.SIGTERM)
    while service.children("web"):
        time.sleep(0.05)
    os.kill(engine, signal.SIGCONT)
    assert service.stop() == 0
    assert list((service.folder / "journal").iterdir()) == []


def test_children_stop_when_the_supervisor_is_killed(serve):
    service = serve()
    assert service.post([EVENT]).status_code == 200
    pids = [pid for command in ("web", "worker", "engine") for pid in service.children(command)]
    assert len(pids) == 3
    os.kill(service.process.pid, signal.SIGKILL)
    service._close()
    deadline = time.monotonic() + 60
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < deadline:  # noqa: PTH110 - not a file
        time.sleep(0.1)
    again = serve()
    assert len(again.report(customer="BARCHART", product="PORTFOLIO").splitlines()) == 1


def test_a_changed_plan_is_taken_up_on_sighup_and_a_broken_one_is_not(serve, tmp_path):
    plan = tmp_path / "plan.toml"
    packaged = files("footfall.plan").joinpath("default.toml").read_text()
    plan.write_text(packaged)
    service = serve(plan=plan)
    event = {**EVENT, "customer": "NEWCOMER"}
    assert service.post([event]).status_code == 400
    plan.write_text("this is no plan")
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 30
    while "stays in force" not in (service.folder / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert service.post([EVENT]).status_code == 200
    plan.write_text(packaged.replace("BARCHART", "NEWCOMER"))
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 30
    while service.post([event]).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
