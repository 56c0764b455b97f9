"""A real footfall on a free port of this machine, and what its processes hold in memory."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from footfall.journal import Folder
from footfall.settings import Settings
from footfall.store import Store

PASSWORD = "bench-of-footfall"  # noqa: S105 - of a service that lives for the length of this run
HOST = "127.0.0.1"
START_LIMIT_S = 60
SETTLE_LIMIT_S = 300

# It warns of each question to a store that is not there yet, which is how a start is waited for.
logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Service:
    """A running `footfall serve`."""

    port: int
    pid: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def processes(self, *roles: str) -> list[int]:
        """The process ids of its children that play these roles: web, worker, engine; of all without any."""
        return [pid for role, pid in self.children() if not roles or role in roles]

    def children(self) -> list[tuple[str, int]]:
        """The role and the process id of each child."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [(_role(int(pid)), int(pid)) for pid in found]

    def settle(self) -> float:
        """Wait until the journal is loaded; gives the seconds that took."""
        begin = time.perf_counter()
        while self.waiting():
            if time.perf_counter() - begin > SETTLE_LIMIT_S:
                sys.exit(f"the loader has not loaded {self.waiting()} in {SETTLE_LIMIT_S} s")
            time.sleep(0.02)
        return time.perf_counter() - begin

    def waiting(self) -> list[str]:
        """The segments that are not loaded yet."""
        return Folder(self.folder / "journal").names()

    def accepted(self) -> int:
        """How many events were answered 200, as the processes count them; exact a second after the last."""
        time.sleep(1.5)
        text = httpx.get(f"{self.url}/metrics", auth=("admin", PASSWORD), timeout=30).raise_for_status().text
        lines = [line for line in text.splitlines() if line.startswith("footfall_events_accepted_total ")]
        return int(float(lines[0].split()[1]))

    def stored(self) -> int:
        """How many events the store has."""
        with contextlib.closing(Store(Settings(data_dir=str(self.folder)))) as store:
            ((count,),) = store.rows("SELECT count() FROM events", {})
        return int(count)


def _role(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        return words[-1].decode()
    return ""


def free_port() -> int:
    """A port that nobody listens on at present."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def command(folder: Path, port: int, settings: Mapping[str, object]) -> list[str]:
    """How to start footfall on a data folder."""
    given = {"data_dir": folder, "port": port, **settings}
    flags = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
    return [sys.executable, "-m", "footfall", *flags, "serve"]


@contextlib.contextmanager
def serving(folder: Path, **settings: object) -> Iterator[Service]:
    """A footfall with a store that answers."""
    port = free_port()
    environment = os.environ | {"FOOTFALL_ADMIN_PASSWORD": PASSWORD}
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        process = subprocess.Popen(command(folder, port, settings), env=environment, stdout=log, stderr=log)
    try:
        service = Service(port, process.pid, folder)
        deadline = time.monotonic() + START_LIMIT_S
        while not _is_up(service):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the service did not start: see {log.name}")
            time.sleep(0.1)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _is_up(service: Service) -> bool:
    """Whether it answers, and its store has its tables."""
    with contextlib.suppress(httpx.TransportError, httpx.HTTPStatusError):
        httpx.get(f"{service.url}/service/version").raise_for_status()
        with contextlib.suppress(Exception):
            service.stored()
            return True
    return False


class Memory:
    """The resident memory of processes, in MiB, watched by a thread."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self.begin = self.most = self.now()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def now(self) -> float:
        return sum(resident(pid) for pid in self._pids)

    def end(self) -> float:
        self._stop.set()
        self._thread.join()
        return self.now()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.most = max(self.most, self.now())


def resident(pid: int) -> float:
    """The MiB of a process that are in memory, shared ones too."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def proportional(pid: int) -> float:
    """The same with each shared page divided among those that share it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def anonymous(pid: int) -> float:
    """What a process has written and can give back to nobody but the system, in MiB, also where it is swapped out.

    Unlike the other two it has no pages of files, which the system maps and drops as it pleases.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Anonymous:", "Swap:"))) / 1024


def size(folder: Path) -> int:
    """The bytes that all files of a folder have together; those that go meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
