"""The engine process: chDB, ClickHouse as a library, behind HTTP on a loopback port with a generated password.

chDB allows one process on one data path, so this process is the only owner of `data_dir/engine`; everybody else asks it
through `data_dir/run/engine.json`, which says where it listens. Only `footfall engine` imports this module.

Measured on two cores: up in half a second; 320 MiB resident then, of which 186 MiB are pages of the library's file, and
150 to 190 MiB when it rests (`engine_rest`); 520 to 720 MiB while it loads 150,000 events at a time (0.5 s each) and
streams 300 MB of events read FINAL (2.2 s).
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

from footfall.settings import Settings
from footfall.store.connections import Endpoint
from footfall.store.engine.executors import Executors
from footfall.store.engine.http import Protocol
from footfall.store.engine.request import Bounds
from footfall.system import files
from footfall.system.memory import MemoryReclaimer
from footfall.system.process import CannotServe, raise_file_limit_for_statements

# Lets the engine be small while it has nothing to do.
#
# Most of what it holds after its start are pages of its library's file: 200 of 320 MiB, most of them for code and
# tables that only the start needed. Beside them, its allocator keeps what loads and reports have freed.


# Between two looks; an engine that began no statement in between has nothing to do.
_PERIOD_S: Final = 10.0
# The worker's look for damage, twice a minute, touches 40 MiB, which are not worth the trouble.
_WORTH_BYTES: Final = 64 * 2**20


async def rest_when_idle(lanes: Executors, period_s: float = _PERIOD_S) -> None:
    """For ever, give memory back whenever nothing is done and there is something to give back."""
    reclaimer, begun = MemoryReclaimer(_WORTH_BYTES, floor_bytes=0), -1
    while True:
        await asyncio.sleep(period_s)
        idle = lanes.begun == begun and not lanes.busy
        begun = lanes.begun
        if idle and reclaimer.is_worthwhile:
            await asyncio.to_thread(lanes.purge)
            await asyncio.to_thread(reclaimer.reclaim)


_log = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_USER = "footfall"
# In the engine's own folder, in which its process works: chDB's data, and what comes in and goes out.
_CHDB = Path("chdb")
_SPOOL = Path("spool")
# Longer than the pauses between loads: a connection that closes while it is being used again costs a retry.
_KEEP_ALIVE_S = 75


class Engine:
    """The folders, the lock, the lanes and the server of one engine process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._data = settings.data.absolute() / "engine"
        self._place = settings.data.absolute() / "run" / "engine.json"

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raises CannotServe when the data folder has an engine already.

        What the engine makes is for its owner alone. The process works in its folder from then on: chDB takes what
        follows a `?` in a path for options, so that it is told only names that were chosen here.
        """
        os.umask(0o077)
        raise_file_limit_for_statements(self._settings)
        for folder in (self._data, self._data / _SPOOL, self._place.parent):
            files.make_folder(folder)
        with self._own():
            os.chdir(self._data)
            for stale in _SPOOL.iterdir():
                stale.unlink()
            password = secrets.token_urlsafe(32)
            lanes = self._open_lanes()
            try:
                with _listen(self._place) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(self._serve(lanes, listener, password))
            finally:
                lanes.close()
            _log.info("engine stopped")

    @contextlib.contextmanager
    def _own(self) -> Iterator[None]:
        # The lock goes with the process, however it ends; chDB's own message would not say what to do.
        with files.lock_file(self._data / "lock") as locked:
            if not locked:
                message = f"another engine is running on {self._data.resolve()}"
                _log.error(message)
                raise CannotServe(message)
            yield

    def _open_lanes(self) -> Executors:
        memory = self._settings.engine_memory_bytes_max
        # ClickHouse's defaults are for machines that do nothing else: three caches of up to 5 GiB each.
        options = {
            "max_server_memory_usage": memory,
            "mark_cache_size": memory // 16,
            "index_mark_cache_size": memory // 16,
            "primary_index_cache_size": memory // 16,
        }
        # What does not fit into memory is sorted and grouped on disk, but the disk is for the journal first.
        defaults = {"max_temporary_data_on_disk_size_for_query": str(memory)}
        return Executors(_CHDB, options, defaults, self._settings.engine_queries_at_once_max)

    async def _serve(self, lanes: Executors, listener: socket.socket, password: str) -> None:
        bounds = Bounds(
            statement=self._settings.segment_lines_bytes_max,
            data=self._settings.segment_bytes_max
            + self._settings.journal_waiting_bytes_max
            + self._settings.loader_lines_bytes_max,
        )
        app = Protocol(lanes, _USER, password, _SPOOL, bounds)
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
        await _Server(config, self._place, endpoint, lanes, self._settings.stop_timeout_s / 2).serve([listener])


class _Server(uvicorn.Server):
    """uvicorn, which tells where it is once it listens, and ends with status 0 after SIGTERM."""

    def __init__(
        self, config: uvicorn.Config, place: Path, endpoint: Endpoint, lanes: Executors, grace_s: float
    ) -> None:
        super().__init__(config)
        self._place = place
        self._endpoint = endpoint
        self._lanes = lanes
        self._grace_s = grace_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._resting = asyncio.create_task(rest_when_idle(self._lanes))
        files.replace_file(self._place, msgspec.json.encode(self._endpoint))
        _log.info("engine listens on %s:%d", self._endpoint.host, self._endpoint.port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Queries get some time to end; then they are killed, and their clients learn it as from any failure.
        loop = asyncio.get_running_loop()
        killing = loop.call_later(self._grace_s, loop.run_in_executor, None, self._lanes.stop_reading)
        await super().shutdown(sockets)
        killing.cancel()
        self._resting.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal once more after its clean stop, which would make the exit status a failure.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # A supervised process leaves Ctrl-C to its supervisor, which stops the engine last.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def run_engine(settings: Settings) -> None:
    """Run the engine of `settings.data_dir` until it is told to stop."""
    Engine(settings).run()


def _listen(place: Path) -> socket.socket:
    """Listen where the engine listened before, so that clients need not look again, or else on any free port."""
    for port in (_port_before(place), 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError:
            listener.close()
        else:
            return listener
    raise OSError(f"no free port on {_HOST}")


def _port_before(place: Path) -> int:
    try:
        return msgspec.json.decode(place.read_bytes(), type=Endpoint).port
    except (OSError, msgspec.DecodeError):
        return 0
