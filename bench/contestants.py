"""Who is compared: each is started alone, told where to send, and asked afterwards what it has stored."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import events
import service
from peers import clickhouse, nginx, postgres, uvicorn_service
from tools import Tool
from wrk import Load

JSON = {"content-type": "application/json"}
SIZES = (1, 10, 100, 1000)


@dataclass(frozen=True)
class Target:
    """A contestant that runs: where requests of N events go, with what, and how much it has stored."""

    url: Callable[[int], str]
    headers: Mapping[str, str]
    bodies: Callable[[int], tuple[bytes, ...]]
    stored: Callable[[], int | None]
    settle: Callable[[], float]
    running: service.Service | None = None
    beside: tuple[str, ...] = ("",)
    accepted: Callable[[], int | None] = lambda: None

    def load(self, size: int, connections: int, encoding: str, seconds: float) -> Load:
        """Requests of `size` events each."""
        packed = tuple(events.pack(body, encoding) for body in self.bodies(size))
        headers = dict(self.headers) | ({"content-encoding": encoding} if encoding else {})
        return Load(self.url(size), packed, headers, connections, seconds)


@dataclass(frozen=True)
class Contestant:
    """Who, and how to start it in a new folder."""

    name: str
    start: Callable[[Path], AbstractContextManager[Target]]
    # Whether it gets all loads, or only those of 32 connections without compression.
    thorough: bool = True


def footfall(begin_ms: int, web_processes: int) -> Contestant:
    """footfall itself."""

    @contextlib.contextmanager
    def start(folder: Path) -> Iterator[Target]:
        with service.serving(folder, web_processes=web_processes) as running:
            yield on_footfall(running, begin_ms)

    return Contestant(_name(web_processes), start)


def _name(web_processes: int) -> str:
    return f"footfall, {web_processes} web process{'' if web_processes == 1 else 'es'}"


def filled(begin_ms: int, web_processes: int, folder: Path) -> Contestant:
    """The same on a store that has many events already, which reports are made of."""

    @contextlib.contextmanager
    def start(_: Path) -> Iterator[Target]:
        with service.serving(folder, web_processes=web_processes) as running:
            yield on_footfall(running, begin_ms, ("report",))

    return Contestant(_name(web_processes), start)


def on_footfall(running: service.Service, begin_ms: int, beside: tuple[str, ...] = ("", "behind")) -> Target:
    """A footfall that runs already, as a target."""
    return Target(
        url=lambda _: f"{running.url}/events",
        headers=JSON,
        bodies=lambda size: events.bodies(size, begin_ms),
        stored=running.stored,
        settle=running.settle,
        running=running,
        beside=beside,
        accepted=running.accepted,
    )


def static(begin_ms: int, tool: Tool, workers: str) -> Contestant:
    """nginx, which reads the same requests and gives answers of the same size as footfall's."""

    @contextlib.contextmanager
    def start(folder: Path) -> Iterator[Target]:
        answers = {size: events.answer(events.bodies(size, begin_ms)[0]) for size in SIZES}
        with nginx.running(tool, folder, workers, answers) as url:
            # The first body alone: what is sent makes no difference here, and wrk is faster so.
            yield Target(
                url=lambda size: f"{url}/{size}",
                headers=JSON,
                bodies=lambda size: events.bodies(size, begin_ms)[:1],
                stored=lambda: None,
                settle=lambda: 0.0,
            )

    return Contestant(f"nginx, {'a worker a core' if workers == 'auto' else '1 worker'}", start, workers == "auto")


def idiomatic(begin_ms: int) -> Contestant:
    """FastAPI, pydantic, SQLAlchemy, asyncpg, PostgreSQL."""

    @contextlib.contextmanager
    def start(_: Path) -> Iterator[Target]:
        with uvicorn_service.running() as (url, database):

            def stored() -> int:
                with postgres.connect(database) as connection:
                    (count,) = connection.execute("SELECT count(*) FROM events").fetchone() or (0,)
                    return int(count)

            yield Target(
                url=lambda _: f"{url}/events",
                headers=JSON,
                bodies=lambda size: events.bodies(size, begin_ms),
                stored=stored,
                settle=lambda: 0.0,
            )

    return Contestant("FastAPI, SQLAlchemy, PostgreSQL", start)


def direct(begin_ms: int) -> Contestant:
    """The engine without footfall."""

    @contextlib.contextmanager
    def start(folder: Path) -> Iterator[Target]:
        with clickhouse.running(folder) as engine:
            yield Target(
                url=lambda _: engine.insert_url,
                headers=engine.headers,
                bodies=lambda size: tuple(events.lines(body, begin_ms) for body in events.bodies(size, begin_ms)),
                stored=lambda: int(engine.run("SELECT count() FROM plain")),
                settle=lambda: 0.0,
            )

    return Contestant("JSONEachRow to the engine", start, thorough=False)
