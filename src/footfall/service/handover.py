"""A restart without a lost request: the supervisor becomes the program that is installed now, and keeps what it holds.

On RESTART_SIGNAL the supervisor has the program checked (`footfall serve --check`, with the command line that it was
started with), stops the worker and the engine, and runs the program in its own place (`exec`), with its process number,
the listening socket, the lock of the data folder and the pipe of its children. The web processes go on meanwhile. The
new supervisor prepares everything, opens the new web processes, and has the old ones drain: they accept no connection
any more, and tell each client that has one to make another.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.settings import Settings
from footfall.system import files
from footfall.system.data_folder import SERVE_LOCK
from footfall.system.process import CHILD_STOP_SIGNAL, DRAIN_SIGNAL, HANDOVER, LOCKED, CannotServe

log = logging.getLogger(__name__)

RESTART_SIGNAL = signal.SIGUSR2
# Signals that wait while the program is replaced, until the new one can deal with them.
HELD_SIGNALS = frozenset({RESTART_SIGNAL, signal.SIGHUP, signal.SIGTERM, signal.SIGINT})
# Seconds in which a check must end, and in which a draining process ends if nothing holds it up.
_CHECK_S = 60
_DRAINED_S = 5.0
_POLL_S = 0.05
# Seconds in which the lock of the data folder must be free.
LOCK_WITHIN_S = 0.3


class Handover(Struct, frozen=True):
    """What a supervisor leaves to the next: the numbers of its open files, and its web processes."""

    listener: int
    lock: int
    alive: int
    held: int
    web: tuple[int, ...]

    @property
    def _files(self) -> tuple[int, ...]:
        return (self.listener, self.lock, self.alive, self.held)

    def run_program(self) -> None:
        """Become the program that is installed now, while signals are held. Raises OSError when it is gone."""
        try:
            for file in self._files:
                os.set_inheritable(file, True)
            environment = {**os.environ, HANDOVER: msgspec.json.encode(self).decode()}
            os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - our own command line
        finally:
            for file in self._files:
                os.set_inheritable(file, False)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)


def take_over() -> Handover | None:
    """What the supervisor before has left; None for one that was started. It is given once."""
    given = os.environ.pop(HANDOVER, None)
    if given is None:
        return None
    found = msgspec.json.decode(given, type=Handover)
    for file in found._files:  # noqa: SLF001 - our own
        os.set_inheritable(file, False)
    return found


def inherited_listener(handover: Handover, settings: Settings) -> socket.socket:
    """The listening socket, which stays what it is: another address counts at the next start."""
    listener = socket.socket(fileno=handover.listener)
    port = listener.getsockname()[1]
    if settings.port not in (0, port):
        log.warning("port %d counts at the next start: a restart goes on listening on port %d", settings.port, port)
    return listener


@contextmanager
def lock_data_folder(folder: Path, held: int | None = None) -> Iterator[int]:
    """Hold the data folder for one supervisor; yields the locked file. Raises CannotServe when another has it.

    `held` is the file of the supervisor before, whose place this one takes. A command that asks whether the folder is
    served holds the lock for a moment.
    """
    file = files.open_file(folder / SERVE_LOCK, os.O_RDWR) if held is None else held
    try:
        if held is None and not files.take_lock(file, LOCK_WITHIN_S):
            raise CannotServe(f"another footfall serves the data in {folder.resolve()}")
        yield file
    finally:
        os.close(file)


def require_locked_folder(folder: Path) -> None:
    """Raise CannotServe where a restart would serve another data folder than the one whose lock the supervisor holds.

    Nothing would keep a second supervisor from it, and what waits in the journal of the first would be left there.
    """
    locked = os.environ.get(LOCKED)
    if locked is None:
        return
    with suppress(FileNotFoundError):
        if locked == _identity((folder / SERVE_LOCK).stat()):
            return
    raise CannotServe(f"{folder.resolve()} is not the data folder that is served: to serve another, stop and start")


def _identity(file: os.stat_result) -> str:
    return f"{file.st_dev}:{file.st_ino}"


async def program_is_ready(lock: int, stop: Awaitable[None]) -> bool:
    """Whether the program that is installed now could serve the folder of this lock; the log says why not.

    False too as soon as `stop` returns: a check that hangs must not keep the service from stopping.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *sys.orig_argv[1:],
            "--check",
            env={**os.environ, LOCKED: _identity(os.fstat(lock))},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        log.error("no restart: %s: %s", sys.executable, error.strerror)
        return False
    checking, stopping = asyncio.ensure_future(process.communicate()), asyncio.ensure_future(stop)
    try:
        await asyncio.wait((checking, stopping), timeout=_CHECK_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not checking.done():
            checking.cancel()
            process.kill()
    if not checking.done():
        if not stopping.done():
            log.error("no restart: footfall serve --check did not end within %d s", _CHECK_S)
        return False
    told, _ = checking.result()
    if process.returncode == 0:
        return True
    for line in told.decode(errors="replace").splitlines()[-3:] or [f"status {process.returncode}"]:
        log.error("no restart, everything goes on: %s", line)
    return False


async def hold_signals() -> None:
    """Leave the signals that come from now on to the next program, and have those heard that have come before."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    # In turns of the loop it is read that there was a signal, and what hears it is called, each behind this task.
    for _ in range(4):
        await asyncio.sleep(0)


class Predecessors:
    """The web processes of the supervisor before, which are children of this process."""

    def __init__(self, handover: Handover | None) -> None:
        self.running = set(handover.web if handover else ())

    async def drain(self, stop_timeout_s: float) -> None:
        """Have them end once their clients have their answers."""
        self._signal(DRAIN_SIGNAL)
        if not await self._wait(_DRAINED_S):
            await self.stop(stop_timeout_s)

    async def stop(self, stop_timeout_s: float) -> None:
        """Have them end in order, and kill what has not after the time."""
        self._signal(CHILD_STOP_SIGNAL)
        if not await self._wait(stop_timeout_s):
            log.warning("web does not stop and is killed; what it acknowledged is in its journal")
            self._signal(signal.SIGKILL)
            await self._wait(stop_timeout_s)

    def _signal(self, number: int) -> None:
        for process in self.running:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    async def _wait(self, limit_s: float) -> bool:
        """Whether all have ended within this time."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + limit_s
        while self.running:
            self.running -= {process for process in self.running if _has_ended(process)}
            if loop.time() >= end_s:
                break
            await asyncio.sleep(_POLL_S)
        return not self.running


def _has_ended(process: int) -> bool:
    """Whether a child has ended, which is then forgotten by the system."""
    try:
        return os.waitpid(process, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True
