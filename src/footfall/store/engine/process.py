"""The engine process: chDB, ClickHouse as a library, behind HTTP on a loopback port with a generated password.

chDB allows one process on one data path, so this process is the only owner of `data_dir/engine`. The others connect
to it by `data_dir/run/engine.json`, which has its host, port and password. Only `footfall engine` imports this module.

It is up in half a second with 320 MiB resident, of which 200 MiB are pages of the library's file. It has 520 to 720 MiB
while it loads and streams. `reclaim_when_idle` brings it down to 150 to 190 MiB.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import uvicorn
import uvloop

from footfall.metrics import SharedMetrics, open_metrics
from footfall.settings import Settings
from footfall.store.connections import Endpoint
from footfall.store.engine.executors import Executors
from footfall.store.engine.http import EngineApplication
from footfall.store.engine.request import Bounds
from footfall.system import files
from footfall.system.memory import MemoryReclaimer
from footfall.system.process import CannotServe, raise_file_limit_for_statements, stop_signals

# The engine is idle when no statement came in so many seconds.
_IDLE_S: Final = 10.0
# The worker's search for damage, twice a minute, touches 40 MiB, which are not worth reclaiming.
_RECLAIMED_BYTES_MIN: Final = 64 * 2**20
# Seconds between two looks at the memory; whether the engine lives is known at once, by its lock.
_SHARE_PERIOD_S: Final = 5.0
_log = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_USER = "footfall"
# Folders in the engine's own, which is its working directory: chDB's data; data of requests, and pipes for results.
_CHDB = Path("chdb")
_SPOOL = Path("spool")
# Longer than the pauses between loads: a connection that closes while a client sends on it costs a retry.
_KEEP_ALIVE_S = 75


class Engine:
    """The folders, the lock, the executors and the server of one engine process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._data = settings.data.absolute() / "engine"
        self._endpoint_file = settings.data.absolute() / "run" / "engine.json"

    def run(self) -> None:
        """Serve until it is told to stop; raises CannotServe when the data folder has an engine already.

        Only the owner may read the engine's files. The process changes into its folder: chDB takes what follows a `?`
        in a path for options, so that it only gets the relative names that are chosen here.
        """
        os.umask(0o077)
        raise_file_limit_for_statements(self._settings)
        for folder in (self._data, self._data / _SPOOL, self._endpoint_file.parent):
            files.make_folder(folder)
        with self._locked(), open_metrics(self._settings, "engine", dict) as metrics:
            os.chdir(self._data)
            for stale in _SPOOL.iterdir():
                stale.unlink()
            password = secrets.token_urlsafe(32)
            executors = self._open_executors()
            try:
                with (
                    _listen(self._endpoint_file) as listener,
                    asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
                ):
                    runner.run(self._serve(executors, listener, password, metrics))
            finally:
                executors.close()
            _log.info("engine stopped")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # The kernel releases the lock however the process ends. chDB's own message would not say what to do.
        with files.lock_file(self._data / "lock") as locked:
            if not locked:
                raise CannotServe(f"another engine is running on {self._data.resolve()}")
            yield

    def _open_executors(self) -> Executors:
        memory = self._settings.engine_memory_bytes_max
        # ClickHouse's defaults are for machines that run nothing else: three caches of up to 5 GiB each, and two of 100
        # MiB that fill with conditions and compiled expressions of questions that nobody asks again.
        options = {
            "max_server_memory_usage": memory,
            "mark_cache_size": memory // 16,
            "index_mark_cache_size": memory // 16,
            "primary_index_cache_size": memory // 16,
            "query_condition_cache_size": memory // 64,
            "compiled_expression_cache_size": memory // 64,
        }
        # Large sorts and groups go to disk, bounded because the disk is for the journal first.
        defaults = {"max_temporary_data_on_disk_size_for_query": str(memory)}
        return Executors(_CHDB, options, defaults, self._settings.engine_queries_at_once_max)

    async def _serve(
        self, executors: Executors, listener: socket.socket, password: str, metrics: SharedMetrics
    ) -> None:
        bounds = Bounds(
            statement=self._settings.segment_lines_bytes_max,
            data=self._settings.segment_bytes_max
            + self._settings.journal_waiting_bytes_max
            + self._settings.loader_lines_bytes_max,
        )
        app = EngineApplication(executors, _USER, password, _SPOOL, bounds)
        port, pipes = listener.getsockname()[1], str(self._data / _SPOOL)
        endpoint = Endpoint(host=_HOST, port=port, user=_USER, password=password, pipes=pipes)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            http="httptools",
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(2, self._settings.stop_timeout_s * 3 // 4),
        )
        sharing = asyncio.create_task(_share(metrics))
        await _Server(config, self._endpoint_file, endpoint, executors, self._settings.stop_timeout_s / 2).serve(
            [listener]
        )
        sharing.cancel()


class _Server(uvicorn.Server):
    """A uvicorn server that writes its endpoint's file once it listens, and ends with status 0 when told to stop."""

    def __init__(
        self, config: uvicorn.Config, endpoint_file: Path, endpoint: Endpoint, executors: Executors, grace_s: float
    ) -> None:
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
        self._endpoint_file = endpoint_file
        self._endpoint = endpoint
        self._executors = executors
        self._grace_s = grace_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._reclaiming = asyncio.create_task(reclaim_when_idle(self._executors))
        files.replace_file(self._endpoint_file, msgspec.json.encode(self._endpoint))
        _log.info("engine listens on %s:%d", self._endpoint.host, self._endpoint.port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Queries get some time to end. Then they are killed, and their clients get an error.
        loop = asyncio.get_running_loop()
        killing = loop.call_later(self._grace_s, loop.run_in_executor, None, self._executors.stop_reading)
        await super().shutdown(sockets)
        killing.cancel()
        self._reclaiming.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal once more after its clean stop, which would make the exit status a failure.
        loop = asyncio.get_running_loop()
        for number in (*stop_signals(), signal.SIGHUP):
            # A supervised engine ignores SIGHUP, and so does one that `nohup` has started.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def run_engine(settings: Settings) -> None:
    """Run the engine of `settings.data_dir` until it is told to stop."""
    Engine(settings).run()


def _listen(endpoint_file: Path) -> socket.socket:
    """Listen on the engine's last port, so that clients keep their connections' address, else on any free port."""
    for port in (_last_port(endpoint_file), 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError:
            listener.close()
        else:
            return listener
    raise OSError(f"no free port on {_HOST}")


def _last_port(endpoint_file: Path) -> int:
    try:
        return msgspec.json.decode(endpoint_file.read_bytes(), type=Endpoint).port
    except (OSError, msgspec.DecodeError):
        return 0


def _is_no_cut(record: logging.LogRecord) -> bool:
    """Whether a line is about something else than an answer without an end, by which a client learns of a failure."""
    return "returned without completing response" not in record.getMessage()


async def _share(metrics: SharedMetrics) -> None:
    """For ever, show the node's other processes how much memory this one has."""
    while True:
        await asyncio.sleep(_SHARE_PERIOD_S)
        await asyncio.to_thread(metrics.write)


async def reclaim_when_idle(executors: Executors, idle_s: float = _IDLE_S) -> None:
    """For ever, return memory to the system after `idle_s` seconds without a statement, when it is worthwhile.

    Most of it are pages of the library's file that only the start needed; the rest is what the allocator keeps after
    loads and reports.
    """
    reclaimer, queued = MemoryReclaimer(_RECLAIMED_BYTES_MIN, floor_bytes=0), -1
    while True:
        await asyncio.sleep(idle_s)
        idle = executors.statements_queued == queued and not executors.busy
        queued = executors.statements_queued
        if idle and reclaimer.is_worthwhile:
            await asyncio.to_thread(executors.purge)
            await asyncio.to_thread(reclaimer.reclaim)
