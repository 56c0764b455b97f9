"""The idiomatic service on its PostgreSQL: two processes of uvicorn, with the compiled loop and parser."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from peers import postgres
from service import HOST, free_port

WORKERS = 2


@contextlib.contextmanager
def running() -> Iterator[tuple[str, Path]]:
    """Its URL, and the folder in which its PostgreSQL listens."""
    with postgres.running() as database:
        url = f"postgresql+asyncpg://footfall@/postgres?host={database}"
        environment = os.environ | {"PEER_DATABASE": url}
        subprocess.run([sys.executable, str(Path(__file__).with_name("idiomatic.py"))], env=environment, check=True)
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(Path(__file__).parent), "idiomatic:app"]
        command += [f"--host={HOST}", f"--port={port}", f"--workers={WORKERS}", "--loop=uvloop", "--http=httptools"]
        command += ["--no-access-log", "--log-level=warning", "--backlog=4096"]
        process = subprocess.Popen(command, env=environment)
        try:
            _wait(f"http://{HOST}:{port}", process)
            yield f"http://{HOST}:{port}", database
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{url}/docs").raise_for_status()
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit("the idiomatic service does not start")
