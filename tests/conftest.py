"""What many rooms' tests share: one real engine process, on which every test has a database of its own."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from postgres import Server, running_server

from footfall.settings import Settings
from footfall.settings.limits import REPORT_TIMEOUT_S
from footfall.store import Store
from footfall.store.connections import GRACE_S
from footfall.system import zstd

# How long an example takes says nothing on a busy machine.
hypothesis.settings.register_profile("footfall", deadline=None)
# Twenty times as many examples: `pytest --hypothesis-profile thorough --hypothesis-seed 1 --timeout 0 tests/usage`.
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("footfall")

# A shell that runs the tests in the background has them ignore Ctrl-C, and so would the programs that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MakeSegment = Callable[[Path, Iterable[dict[str, Any]]], Path]
# The engine that tests share, once one of them has asked for it.
ENGINES: list["EngineProcess"] = []
ENGINE = Path(__file__).parent / "programs" / "run_an_engine.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that take the longest come first, so that at the end no process is left alone with one of them."""
    items.sort(key=lambda item: "service" not in item.path.parts)


class EngineProcess:
    """The engine as its own process, as `footfall serve` would start it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "run" / "engine.json"
        self.log = folder.with_suffix(".log")
        self._template: Template | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it says where it listens."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        before = self.place.read_bytes() if self.place.exists() else b""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, str(ENGINE), str(self.folder)], stderr=log)
        deadline = time.monotonic() + 60
        while not self.place.exists() or self.place.read_bytes() == before:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the engine did not start in a minute"
            time.sleep(0.02)

    def stop(self) -> int:
        """Stop it cleanly; gives its exit status."""
        self.process.terminate()
        return self.process.wait(30)

    def settings(self, *, is_empty: bool = False, **changes: Any) -> Settings:
        """Settings with a data folder and a database of their own on this engine.

        The database has its tables already, so that `Store.migrate` finds nothing to do, unless it `is_empty`.
        """
        settings = self._settings(f"test_{uuid.uuid4().hex}", **changes)
        if not is_empty and "events_url" not in changes:
            self.make_database(settings.data.name)
        return settings

    def make_database(self, name: str) -> None:
        """Make a database with all tables, instead of any that has this name; it is dropped behind the test."""
        if self._template is None:
            self._template = Template(Store(self._settings("template")))
        self._template.copy(name)

    def drop_copies(self) -> None:
        """Drop the databases that were copied so far: hundreds of them would keep the engine busy."""
        if self._template is not None:
            self._template.drop_copies()

    def _settings(self, name: str, **changes: Any) -> Settings:
        at = json.loads(self.place.read_bytes())
        url = f"clickhouse://{at['user']}:{at['password']}@{at['host']}:{at['port']}/{name}"
        folder = self.folder.parent / name
        folder.mkdir()
        # As long as a report's statement may take with its grace: one connection serves both, for each greets anew.
        given = {"data_dir": str(folder), "events_url": url, "store_load_timeout_s": REPORT_TIMEOUT_S + GRACE_S}
        return Settings(**(given | changes))


class Template:
    """A migrated database. To make its like by the migrations takes four times as long as to copy it."""

    def __init__(self, store: Store) -> None:
        store.migrate()
        self._store = store
        self._copies: list[str] = []
        made = "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()"
        self._statements = [
            "DROP DATABASE IF EXISTS {copy} SYNC",
            "CREATE DATABASE {copy}",
            *(
                str(text).replace(f"TABLE template.{name}", f"TABLE {{copy}}.{name}")
                for name, text in store.rows(made, {})
            ),
            "INSERT INTO {copy}.schema_migrations SELECT * FROM schema_migrations",
        ]

    def copy(self, name: str) -> None:
        """Make another database with the same tables."""
        self._copies.append(name)
        for text in self._statements:
            self._store.write(text.replace("{copy}", name), {})

    def drop_copies(self) -> None:
        while self._copies:
            self._store.write(f"DROP DATABASE IF EXISTS {self._copies.pop()}", {})


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine for the whole run, in a folder whose name chDB would take for a pattern and for options."""
    process = EngineProcess(tmp_path_factory.mktemp("engine") / "x{1..3}*[a] ?q'" / "data")
    ENGINES.append(process)
    yield process
    ENGINES.remove(process)
    process.stop()


@pytest.fixture(autouse=True)
def _drop_databases() -> Iterator[None]:
    """Drop the databases of a test behind it, where it had any."""
    yield
    for engine in ENGINES:
        engine.drop_copies()


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[EngineProcess]:
    """An engine that a test may stop, kill and start again."""
    process = EngineProcess(tmp_path / "data")
    yield process
    if process.process.poll() is None:
        process.stop()


@pytest.fixture
def start_engine() -> Iterator[Callable[[Path], EngineProcess]]:
    """Starts engines on data folders of a test's choice."""
    started: list[EngineProcess] = []

    def start(folder: Path) -> EngineProcess:
        started.append(EngineProcess(folder))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One PostgreSQL server for the whole run, started when the first test asks for it."""
    with running_server() as server:
        yield server


@pytest.fixture
def make_segment() -> MakeSegment:
    """Writes events as a sealed segment: one zstd frame with its checksum for each thousand lines."""

    def write(path: Path, events: Iterable[dict[str, Any]]) -> Path:
        lines = [json.dumps(event).encode() + b"\n" for event in events]
        options = {zstd.CompressionParameter.checksum_flag: 1}
        frames = (zstd.compress(b"".join(lines[at : at + 1000]), options=options) for at in range(0, len(lines), 1000))
        path.write_bytes(b"".join(frames))
        return path

    return write


@pytest.fixture
def anyio_backend() -> str:
    """The event loops that async tests run on: asyncio's, as the service."""
    return "asyncio"
