"""A node without its processes, that keeps something of everything and can be backed up and restored."""

import contextlib
import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from footfall.backup import (
    BackupDependencies,
    BackupLocation,
    BackupResult,
    SilentProgress,
    back_up,
    prepare_restore,
    restore,
)
from footfall.files import Files
from footfall.journal import Folder
from footfall.reports import file_path
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State, User
from footfall.store import Store
from footfall.system.clock import NodeClock
from footfall.wire import ReportFilter

FIRST_MS = 1_568_381_886_060
REPORT = b"1568381886060|T|value\n" * 50_000


def event(number: int, **changes: Any) -> dict[str, Any]:
    """A line of a segment; each number is another event, a few hundred a day."""
    return {
        "customer": "BARCHART",
        "product": "PORTFOLIO",
        "type": f"T{number % 3}",
        "timestamp": FIRST_MS + number * 300_000,
        "context": [f"user {number % 7}", 'a "quoted"\n| value', "ü"],
        "sequence": 1 + number % 10,
        "batch": str(uuid.UUID(int=1 + number // 10)),
        "received": FIRST_MS + number,
        "admitted": FIRST_MS + number,
    } | changes


def held(number: int, **changes: Any) -> dict[str, Any]:
    """A line of a quarantine's segment."""
    line = event(number, context=["a", None], code="EVENT_NOT_IN_PLAN", place="context[1]", reason="is null", plan="p")
    del line["admitted"]
    return line | changes


class Node:
    """The rooms of one node, without its processes."""

    def __init__(self, settings: Settings, make_segment: Callable[..., Path]) -> None:
        self.settings = settings
        self.data = settings.data
        self._make_segment = make_segment

    def open(self) -> "Node":
        self.state = State(self.settings.state_url or f"sqlite:///{self.data / 'state.db'}")
        self.store = Store(self.settings)
        self.files = Files(self.settings)
        return self

    def close(self) -> None:
        self.state.close()
        self.store.close()

    @property
    def means(self) -> BackupDependencies:
        return BackupDependencies(
            settings=self.settings,
            state=self.state,
            store=self.store,
            files=self.files,
            plan="plan",
            progress=SilentProgress(),
        )

    def fill(self) -> None:
        """Something of everything."""
        self.state.migrate()
        self.store.migrate()
        self.state.users.add(User(id="ann", password_hash="hash", customers=("BARCHART",), created_ms=1))
        self.state.secrets.get("links")
        self.state.nodes.put("gone", 0, 0)
        self.state.nodes.remove("gone")
        self.load([event(number) for number in range(2000)])
        self.load([held(0), held(1, state="dropped", changed_by="ann", held_since=FIRST_MS)], "quarantine")
        self.add_report("done")
        self.segment("journal/1568381886060-aaaaaaaa-000001.jsonl.zst", [event(5000), event(5001)])
        self.segment("journal/1568381886060-aaaaaaaa-000002.quarantine.jsonl.zst", [held(7)])
        self.segment("aside/1568381886060-aaaaaaaa-000000.jsonl.zst", [event(6000)])

    def load(self, lines: list[dict[str, Any]], table: Any = "events") -> None:
        path = self.data / "lines.tmp"
        self.store.load(self._make_segment(path, lines), table)
        path.unlink()

    def segment(self, name: str, lines: list[dict[str, Any]]) -> Path:
        path = self.data / name
        path.parent.mkdir(exist_ok=True)
        return self._make_segment(path, lines)

    def add_report(self, job_id: str, started_ms: int = FIRST_MS, destination: str | None = None) -> Job:
        """A finished report, with its file where that was not delivered elsewhere."""
        job = Job(
            id=job_id,
            user="ann",
            account="a",
            filter=ReportFilter(customer="C", product="P", types=()),
            started_ms=started_ms,
            watermark_ms=started_ms,
            destination=destination,
            destination_key=destination and "a.csv",
            file="report.csv",
        )
        self.state.jobs.add(job)
        self.state.jobs.claim("me", 60_000)
        sha256 = hashlib.sha256(REPORT).hexdigest()
        self.state.jobs.finish(job_id, "me", JobStatus.COMPLETE, started_ms, 3, len(REPORT), sha256, None)
        finished = self.state.jobs.get(job_id)
        assert finished is not None
        if destination is None:
            self.files.put(file_path(finished), iter([REPORT]))
        return finished

    def rows(self, table: str = "events") -> list[tuple[Any, ...]]:
        """Every column of every row but those that are made."""
        return self.store.rows(f"SELECT * EXCEPT loaded FROM {table} FINAL ORDER BY ALL", {})  # noqa: S608 - one of two names

    def names(self, folder: str) -> dict[str, bytes]:
        root = self.data / folder
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def back_up(self, where: Path | str) -> BackupResult:
        Folder(self.data / "journal")
        with contextlib.closing(NodeClock(self.data / "clock")) as clock:
            return back_up(BackupLocation(str(where), make=True), self.means, clock)

    def restore(self, where: Path | str) -> None:
        """As the command does: the rooms open only when the folder is taken."""
        place = BackupLocation(str(where))
        with prepare_restore(place, self.settings, SilentProgress()) as claimed:
            self.open()
            restore(place, claimed, self.means)


def read_manifest(where: Path) -> dict[str, Any]:
    """The manifest of the backup in a folder, as a reader without footfall sees it."""
    return json.loads((where / "manifest.json").read_bytes())
