"""What is not a comparison: a sustained rate, many connections, the start, and the memory of a service at rest."""

import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import events
import latency
import service
import wrk
from contestants import on_footfall
from tools import Tool

SUSTAINED_SIZE = 100
# A little over 200,000 events a second.
SUSTAINED_RATE = 2050
# What acknowledged events may take to be in the store.
VISIBLE_S = 5
IDLE, BUSY = 10_000, 256


def sustained(begin_ms: int, web_processes: int, seconds: float, work: Path) -> dict[str, Any]:
    """Requests of 100 events at a fixed rate; what is in the store 5 seconds after the last answer."""
    folder = work / "sustained"
    with service.serving(folder, web_processes=web_processes) as running:
        target = on_footfall(running, begin_ms)
        most, sent = 0, target.bodies(SUSTAINED_SIZE)
        with latency.posting(target.url(SUSTAINED_SIZE), sent, SUSTAINED_RATE, seconds, work) as process:
            while process.poll() is None:
                most = max(most, service.size(folder / "journal"))
                time.sleep(0.5)
            seen = latency.read(process)
        time.sleep(VISIBLE_S)
        stored, waiting = running.stored(), len(running.waiting())
        settle = running.settle()
        found = {
            **seen,
            "answered": (seen["answers"] - seen["refused"]) * SUSTAINED_SIZE,
            "stored": stored,
            "segments": waiting,
            "backlog": most,
            "settle": settle,
            "settled": running.stored(),
            "memory": {f"{role} {pid}": service.resident(pid) for role, pid in running.children()},
            "disk": {name: service.size(folder / name) for name in ("journal", "archive", "engine")},
        }
    shutil.rmtree(folder)
    print(f"  {found}", flush=True)
    return found


def crowd(begin_ms: int, program: Tool, idle: int, seconds: float, work: Path) -> dict[str, Any]:
    """Thousands of connections that wait, and 256 that send; what a web process holds in memory."""
    folder, body = work / "crowd", work / "body"
    body.write_bytes(events.bodies(1, begin_ms)[0])
    found: dict[str, Any] = {"idle": idle, "busy": BUSY}
    with service.serving(folder) as running:
        target = on_footfall(running, begin_ms)
        found["before"] = [service.resident(pid) for pid in running.processes("web")]
        command = [sys.executable, str(Path(__file__).with_name("idle_load.py")), str(running.port), str(body)]
        command += ["--connections", str(idle)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as waiting:
            assert waiting.stdin is not None
            assert waiting.stdout is not None
            found["opened"] = int(waiting.stdout.readline() or 0)
            memory = service.Memory(running.processes("web"))
            found["waiting"] = memory.begin
            figures = wrk.run(program.path, target.load(1, BUSY, "", seconds), program.environment)
            memory.end()
            waiting.stdin.close()
            found["alive"] = int(waiting.stdout.readline() or 0)
        found |= {"most": memory.most, "rate": figures.rate, "p99": figures.p99, "refused": figures.refused}
    shutil.rmtree(folder)
    print(f"  {found}", flush=True)
    return found


def start(begin_ms: int, runs: int, work: Path) -> dict[str, Any]:
    """Seconds from the command to the first event that is accepted, with a data folder that is there already."""
    folder, body = work / "start", events.bodies(1, begin_ms)[0]
    with service.serving(folder) as running:
        _first_accepted(running.port, body)
        running.settle()
    seconds = []
    for _ in range(runs):
        port = service.free_port()
        with (work / "start.log").open("ab") as log:
            begin = time.perf_counter()
            process = subprocess.Popen(service.command(folder, port, {}), stdout=log, stderr=log)
            try:
                _first_accepted(port, body)
                seconds.append(time.perf_counter() - begin)
                # A stop in the middle of the engine's start waits for that.
                service.Service(port, process.pid, folder).settle()
            finally:
                process.terminate()
                process.wait()
    shutil.rmtree(folder)
    print(f"  {seconds}: median {statistics.median(seconds):.2f}", flush=True)
    return {"seconds": seconds}


def _first_accepted(port: int, body: bytes) -> None:
    """Send it until it is accepted."""
    head = "POST /events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nconnection: close\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    limit = time.monotonic() + service.START_LIMIT_S
    while time.monotonic() < limit:
        with contextlib.suppress(OSError), socket.create_connection((service.HOST, port), 30) as line:
            line.sendall(request)
            if line.recv(4096).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.002)
    sys.exit("no event is accepted")


def rest(begin_ms: int, program: Tool, pause_s: float, work: Path) -> dict[str, Any]:
    """The memory of every process after a start, and again a while after a load; resident and proportional, in MiB."""
    folder = work / "rest"
    found: dict[str, Any] = {"pause": pause_s}
    with service.serving(folder) as running:
        time.sleep(pause_s / 2)
        found["started"] = _memory(running)
        figures = wrk.run(
            program.path, on_footfall(running, begin_ms).load(100, 32, "", pause_s / 6), program.environment
        )
        running.settle()
        time.sleep(pause_s)
        found |= {"rested": _memory(running), "events": figures.answered * 100}
    shutil.rmtree(folder)
    print(f"  {found}", flush=True)
    return found


def _memory(running: service.Service) -> dict[str, dict[str, float]]:
    processes = [("supervisor", running.pid), *running.children()]
    return {
        role: {"resident": service.resident(pid), "proportional": service.proportional(pid)} for role, pid in processes
    }
