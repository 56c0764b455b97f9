"""A node of which a person can be erased, and a search for a value in everything that a node keeps, unpacked."""

import asyncio
import contextlib
import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lz4.block
from click.testing import CliRunner, Result
from quarantined import Node as QuarantinedNode
from quarantined import event

from footfall.backup import BackupDependencies, BackupLocation, SilentProgress, back_up, prepare_restore, restore
from footfall.cli import main
from footfall.erasure import Eraser, EraserDependencies, Erasures, ErasureShown, ErasureWanted
from footfall.files import Files
from footfall.journal import Frame, walk
from footfall.loading import Archive, Loader
from footfall.reports import Destinations, file_path
from footfall.reports.worker.attempt import Attempt
from footfall.settings import Settings
from footfall.state import Job, JobStatus, State
from footfall.store import Store
from footfall.system import zstd
from footfall.system.data_folder import node_name
from footfall.tombstones import Tombstones
from footfall.wire import ReportFilter

VALUE = "zebra-4711"
OTHER = "other-4712"
# Headers of ClickHouse's compressed blocks: a checksum of 16 bytes, a method, two sizes.
_CHECKSUM, _HEAD = 16, 9
_LZ4, _ZSTD = 0x82, 0x90


class Node(QuarantinedNode):
    """A node with a state, a loader that leaves erased persons out, and what erases them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.name = node_name(settings)
        self.state = State(settings.state_url or f"sqlite:///{self.data / 'state.db'}")
        self.state.migrate()
        self.start()

    def start(self) -> None:
        """The parts of a worker, as after a start."""
        self.tombstones = Tombstones(self.state)
        self.archive = Archive(self.data / "archive", 30)
        self.loader = Loader(
            self.folder, self.store, self.archive, self.data / "aside", self.settings, self.clock, self.tombstones
        )
        self.destinations = Destinations(self.settings, Files(self.settings))
        self.eraser = Eraser(
            EraserDependencies(
                self.settings, self.state, self.store, self.plan, self.loader, self.tombstones, self.clock, self.name
            )
        )
        self.erasures = Erasures(self.state, self.store, lambda: self.plan.plan, self.clock)

    async def fill(self) -> None:
        """Events of the person and of another, in store and archive, quarantine and aside."""
        for number in range(3):
            await self.post(
                event("OPENED", VALUE, customer="C"), event("BOUGHT", OTHER, f"hat{number}"), key=f"{number}"
            )
            await self.post(event("BOUGHT", VALUE, "shoe"), event("OPENED", OTHER, customer="D"), key=f"k{number}")
        await self.post(event("SOLD", "?", VALUE), event("SOLD", "?", OTHER), key="held")
        await self.load()
        self.state.nodes.put(self.name, self.clock.now_ms(), self.clock.now_ms())

    def order(self, **wanted: Any) -> ErasureShown:
        return self.erasures.order(ErasureWanted(**{"key": "user", "value": VALUE} | wanted), "root")

    async def erase(self, **wanted: Any) -> ErasureShown:
        """Order an erasure and do all of its work."""
        return await self.finish(self.order(**wanted).id)

    async def finish(self, erasure: str) -> ErasureShown:
        for _ in range(2_000):
            await self.step()
            found = self.erasures.find(erasure)
            assert found is not None
            if found.status == "done":
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"the erasure does not end: {found}")

    async def step(self) -> None:
        await asyncio.to_thread(self.loader.tick)
        await asyncio.to_thread(self.eraser.tick)

    def queue_report(self, job_id: str, **changes: Any) -> str:
        """A report that is to be made; gives its id."""
        wanted = {"filter": ReportFilter(customer="C", product="SHOP"), "account": "a", "user": "ann"} | changes
        now_ms = self.clock.now_ms()
        self.state.jobs.add(Job(id=job_id, started_ms=now_ms, watermark_ms=now_ms, file=f"{job_id}.csv", **wanted))
        return job_id

    def make_report(self, job_id: str, **changes: Any) -> Job:
        """A finished report with its file, made by what makes reports."""
        self.queue_report(job_id, **changes)
        now_ms = self.clock.now_ms()
        claimed = self.state.jobs.claim("me", 60_000)
        assert claimed is not None
        done = Attempt(claimed, self.plan.plan, self.store, self.destinations, 1e9).run()
        self.state.jobs.finish(
            job_id, "me", JobStatus.COMPLETE, now_ms + 1, done.rows, done.bytes, done.sha256, None, 0, done.manifest
        )
        finished = self.state.jobs.get(job_id)
        assert finished is not None
        return finished

    def has_file(self, job: Job) -> bool:
        return (self.data / "files" / file_path(job)).exists()

    def stored_people(self) -> list[str]:
        return sorted(context[0] for (context,) in self.store.rows("SELECT context FROM events FINAL", {}))

    def places(self, value: str) -> list[str]:
        """Where a value is in the data folder and in the store's own files, decompressed."""
        statement = "SELECT arrayJoin(data_paths) FROM system.tables WHERE database = currentDatabase()"
        folders = [self.data, *(Path(path) for (path,) in self.store.rows(statement, {}))]
        return [name for folder in folders for name in find_value(folder, value)]

    def close(self) -> None:
        self.state.close()
        super().close()


def back_up_node(node: Node, where: Path | str) -> None:
    """A backup of a node, in a folder or an object store."""
    back_up(BackupLocation(str(where), make=True), _copying(node.settings, node.state, node.store), node.clock)


def restore_into(settings: Settings, where: Path | str) -> None:
    """Restore a backup to where the settings say, as the command does."""
    place = BackupLocation(str(where))
    with (
        prepare_restore(place, settings, SilentProgress()) as claimed,
        contextlib.closing(State(settings.state_url or f"sqlite:///{settings.data / 'state.db'}")) as state,
        contextlib.closing(Store(settings)) as store,
    ):
        restore(place, claimed, _copying(settings, state, store))


def _copying(settings: Settings, state: State, store: Store) -> BackupDependencies:
    return BackupDependencies(
        settings=settings, state=state, store=store, files=Files(settings), plan="plan", progress=SilentProgress()
    )


def run(node: Node, line: str, given: str = "") -> Result:
    """Give a command with what the node works with; the store is another server for it."""
    state = node.settings.state_url or f"sqlite:///{node.data / 'state.db'}"
    pairs = [f"data_dir={node.data}", f"events_url={node.settings.events_url}", f"state_url={state}"]
    options = [part for pair in [*pairs, f"plan={node.plan_file}"] for part in ("--set", pair)]
    environment = {"FOOTFALL_CONFIG": ""}
    return CliRunner().invoke(main, [*options, *line.split()], env=environment, input=given, catch_exceptions=False)


def find_value(folder: Path, value: str) -> list[str]:
    """The files below a folder that have a value, as they are or decompressed."""
    wanted = value.encode()
    found = []
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and any(wanted in content for content in unpacked(path.read_bytes())):
                found.append(str(path.relative_to(folder)))
    return found


def unpacked(data: bytes) -> Iterator[bytes]:
    """A file's bytes, and what they are unpacked: frames of zstd, blocks of ClickHouse, gzip, zip."""
    yield data
    yield from (part.lines for part in walk(data) if isinstance(part, Frame))
    yield from _blocks(data)
    if data[:2] == b"\x1f\x8b":
        with contextlib.suppress(OSError, EOFError):
            yield gzip.decompress(data)
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield archive.read(name)


def _blocks(data: bytes) -> Iterator[bytes]:
    at = _CHECKSUM
    while at + _HEAD <= len(data):
        method = data[at]
        size, unpacked_size = (int.from_bytes(data[at + start : at + start + 4], "little") for start in (1, 5))
        content = data[at + _HEAD : at + size]
        if size <= _HEAD or at + size > len(data):
            return
        if method == _LZ4:
            with contextlib.suppress(lz4.block.LZ4BlockError):
                yield lz4.block.decompress(content, unpacked_size)
        elif method == _ZSTD:
            with contextlib.suppress(zstd.ZstdError):
                yield zstd.ZstdDecompressor().decompress(content)
        at += size + _CHECKSUM


__all__ = ["OTHER", "VALUE", "Node", "back_up_node", "event", "find_value", "restore_into", "run", "unpacked"]
