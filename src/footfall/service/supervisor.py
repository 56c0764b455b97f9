"""The supervisor behind `footfall serve`: starts the processes, restarts those that fall, stops them in order.

It holds the listening socket, so that connections wait instead of failing while a web process is restarted, and one end
of a pipe, so that its children stop when it is killed. A second pipe is a gate: the web processes load what they run
while `footfall.service.preparation` still checks, but open nothing before the gate is open.

It runs for as long as the service, so it imports little; `tests/service` holds that.
"""

import asyncio
import contextlib
import logging
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version

import msgspec
from msgspec import Struct, structs

from footfall.service.handover import (
    HELD_SIGNALS,
    RESTART_SIGNAL,
    Handover,
    Predecessors,
    hold_signals,
    inherited_listener,
    lock_data_folder,
    program_is_ready,
    take_over,
)
from footfall.settings import Settings
from footfall.system.clock import SystemClock
from footfall.system.data_folder import data_folder
from footfall.system.process import (
    CHILD_BLOCKED_SIGNALS,
    CHILD_STOP_SIGNAL,
    GATE_FD,
    PARENT_FD,
    SOCKET_FD,
    CannotServe,
    SettingsUnusable,
    bind,
)
from footfall.system.served_settings import shared_settings
from footfall.system.terminal import Terminal
from footfall.system.waiting import backoff

log = logging.getLogger(__name__)

RESTART_LEAST_S = 0.1
RESTART_MOST_S = 5.0
# A process that lived this long starts again at once: its fall is no loop.
SETTLED_S = 10.0


class Role(Struct, frozen=True):
    """A process to keep running; roles stop in the order of the table in `roles`."""

    command: str
    environment: dict[str, str]
    descriptors: tuple[int, ...] = ()


class Prepared(Struct, frozen=True):
    """What the preparation tells: the password of a first user that it made, or why the service does not start.

    `plan` says which tracking plan holds and in which mode, `sample` is an event that it accepts. `is_settings` says
    that the reason not to start is the tracking plan or a setting.
    """

    password: str | None = None
    plan: str = ""
    sample: dict[str, object] = {}
    refusal: str | None = None
    is_settings: bool = False


def roles(settings: Settings, listener: socket.socket, gate: int) -> tuple[Role, ...]:
    """Which processes there are, in the order in which they stop: first the collectors, last what they write into."""
    web = Role("web", {SOCKET_FD: str(listener.fileno()), GATE_FD: str(gate)}, (listener.fileno(), gate))
    engine = (Role("engine", {}),) if settings.events_url == "embedded" else ()
    return (*(web for _ in range(settings.web_processes)), Role("worker", {}), *engine)


class StopRequest:
    """Whether and why the service is to stop: SIGTERM, Ctrl-C, or the end of the terminal that it was started from."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._asked = asyncio.Event()
        self._word = asyncio.Event()
        self.children: list[ChildProcess] = []
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ask, "SIGTERM")
        loop.add_signal_handler(signal.SIGINT, self._ask, "Ctrl-C")
        loop.add_signal_handler(signal.SIGHUP, self._on_sighup)
        loop.add_signal_handler(RESTART_SIGNAL, self._word.set)
        # What came while one program took the place of another.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)

    @property
    def is_asked(self) -> bool:
        """Whether the service is to stop."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Return once the service is to stop."""
        await self._asked.wait()

    def _ask(self, why: str) -> None:
        if not self.is_asked:
            log.info("%s: stopping in order, so that what was accepted is loaded", why)
            self._asked.set()
            self._word.set()

    async def wait_for_word(self) -> None:
        """Return once the service is to stop, or to restart."""
        await self._word.wait()
        self._word.clear()

    def _on_sighup(self) -> None:
        """Stop when the terminal has hung up; else have the tracking plan read again by those who hold one."""
        if self._terminal.has_hung_up:
            self._terminal.let_go()
            self._ask("the terminal hung up")
            return
        for child in self.children:
            if child.role.command in ("web", "worker"):
                child.signal(signal.SIGHUP)


async def supervise(settings: Settings) -> None:
    """Run the service until SIGTERM, SIGINT or the end of its terminal. Raises CannotServe when it cannot start."""
    refusal, before = None, take_over()
    predecessors = Predecessors(before)
    with contextlib.ExitStack() as stack:
        stop = StopRequest(stack.enter_context(contextlib.closing(Terminal())))
        lock = stack.enter_context(lock_data_folder(data_folder(settings), before.lock if before else None))
        listener = stack.enter_context(inherited_listener(before, settings) if before else bind(settings))
        alive, held = (before.alive, before.held) if before else os.pipe()
        stack.callback(os.close, alive)
        stack.callback(os.close, held)
        gate, gate_opener = os.pipe()
        stack.callback(os.close, gate)
        opening = stack.enter_context(contextlib.closing(os.fdopen(gate_opener, "wb")))
        children = [ChildProcess(role, alive, settings) for role in roles(settings, listener, gate)]
        async with asyncio.TaskGroup() as tasks:
            web_children = [child for child in children if child.role.command == "web"]
            for child in web_children:
                tasks.create_task(child.run(), name=child.role.command)
            try:
                prepared = await _prepare(settings, alive, stop)
            except CannotServe as error:
                refusal = error
            if refusal is not None or stop.is_asked:
                await asyncio.gather(_stop(web_children), predecessors.stop(settings.stop_timeout_s))
            else:
                opening.close()
                tasks.create_task(predecessors.drain(settings.stop_timeout_s), name="drain")
                stop.children = children
                with shared_settings(settings, listener.getsockname()[1]):
                    _start_others(tasks, children, banner(settings, listener, prepared))
                    if not await _stop_or_get_ready(children, stop, lock):
                        web = (
                            *predecessors.running,
                            *(each.number for each in web_children if each.number is not None),
                        )
                        Handover(listener.fileno(), lock, alive, held, web).run_program()
    if refusal is not None:
        raise refusal


def _start_others(tasks: asyncio.TaskGroup, children: list["ChildProcess"], greeting: str) -> None:
    """Start all but the web processes, which have been started, and greet whoever started the service."""
    for child in children:
        if child.role.command != "web":
            tasks.create_task(child.run(), name=child.role.command)
    sys.stdout.write(greeting)
    sys.stdout.flush()


async def _stop_or_get_ready(children: list["ChildProcess"], stop: StopRequest, lock: int) -> bool:
    """Wait until the service is to stop, and stop it: True. Or stop all but the web processes for a restart: False."""
    while True:
        await stop.wait_for_word()
        if not stop.is_asked and await program_is_ready(lock, stop.wait()) and not stop.is_asked:
            log.info("restarting: the web processes go on until those of the program that is installed now are there")
            await _stop([child for child in children if child.role.command != "web"])
            await hold_signals()
            if not stop.is_asked:
                return False
        if stop.is_asked:
            # They may be held for a restart that will not be.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)
            await _stop(children)
            return True


async def _prepare(settings: Settings, alive: int, stop: StopRequest) -> Prepared:
    """Have everything prepared by a process of its own. Raises CannotServe.

    Returns early when the service is to stop meanwhile.
    """
    with blocked_signals():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "footfall.service.preparation",
            env={**os.environ, **as_environment(settings), PARENT_FD: str(alive)},
            pass_fds=(alive,),
            stdout=asyncio.subprocess.PIPE,
        )
    stopping = asyncio.create_task(stop.wait())
    stopping.add_done_callback(lambda _: _send(process, CHILD_STOP_SIGNAL))
    told, _ = await process.communicate()
    if stop.is_asked:
        return Prepared()
    stopping.cancel()
    if process.returncode != 0:
        raise CannotServe(f"the preparations ended with status {process.returncode}")
    answer = msgspec.json.decode(told, type=Prepared)
    if answer.refusal is not None:
        raise (SettingsUnusable if answer.is_settings else CannotServe)(answer.refusal)
    return answer


async def _stop(children: list["ChildProcess"]) -> None:
    """Stop the web processes together, then the worker, which still loads what they sealed, then the engine."""
    for command in ("web", "worker", "engine"):
        await asyncio.gather(*(child.stop() for child in children if child.role.command == command))


class ChildProcess:
    """Keeps one process running, and stops it when asked."""

    def __init__(self, role: Role, alive: int, settings: Settings) -> None:
        self.role = role
        self._alive = alive
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Start the process, again and again, until `stop`."""
        pauses_s = backoff(RESTART_LEAST_S, RESTART_MOST_S)
        try:
            while not self._stopping.is_set():
                started_s = time.monotonic()
                self._process = await self._start()
                status = await self._process.wait()
                if self._stopping.is_set():
                    break
                if time.monotonic() - started_s > SETTLED_S:
                    pauses_s = backoff(RESTART_LEAST_S, RESTART_MOST_S)
                pause_s = next(pauses_s)
                log.error("%s ended with status %d, starting it again in %.1f s", self.role.command, status, pause_s)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause_s)
        finally:
            self._gone.set()

    async def stop(self) -> None:
        """Ask the process to stop, and kill it when it has not within the time that the settings allow."""
        self._stopping.set()
        self.signal(CHILD_STOP_SIGNAL)
        try:
            await asyncio.wait_for(self._gone.wait(), self._settings.stop_timeout_s)
        except TimeoutError:
            log.warning("%s does not stop and is killed; what it acknowledged is in its journal", self.role.command)
            self.signal(signal.SIGKILL)
            await self._gone.wait()

    @property
    def number(self) -> int | None:
        """The number of the process while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def signal(self, number: int) -> None:
        """Send a signal, if the process is there to take it."""
        if self._process is not None:
            _send(self._process, number)

    async def _start(self) -> asyncio.subprocess.Process:
        environment = {**os.environ, **as_environment(self._settings), **self.role.environment}
        environment |= {PARENT_FD: str(self._alive)}
        environment.pop("FOOTFALL_ADMIN_PASSWORD", None)
        with blocked_signals():
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "footfall",
                self.role.command,
                env=environment,
                pass_fds=(self._alive, *self.role.descriptors),
            )


def _send(process: asyncio.subprocess.Process, number: int) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


@contextlib.contextmanager
def blocked_signals() -> Iterator[None]:
    """A process that is started inside inherits the mask: it opens it when it can deal with the signals."""
    signal.pthread_sigmask(signal.SIG_BLOCK, CHILD_BLOCKED_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, CHILD_BLOCKED_SIGNALS)


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment that gives a child the same ones, wherever they came from."""
    values = {f"FOOTFALL_{name.upper()}": _as_text(value) for name, value in structs.asdict(settings).items()}
    return {**values, "FOOTFALL_CONFIG": ""}


def _as_text(value: object) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else str(value)


def banner(settings: Settings, listener: socket.socket, prepared: Prepared) -> str:
    """What a newcomer needs to know, printed once at the start."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if settings.tls_certificate else "http"
    url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    lines = [
        f"footfall {version('footfall')} listening on {url}",
        f"  data in   {settings.data.resolve()}",
        f"  page      {url}/ (usage for people; sign in as a user)",
        f"  API page  {url}/docs",
    ]
    lines.append(f"  plan      {prepared.plan}")
    if prepared.password is not None:
        lines.append(f"  user      admin, password {prepared.password} (shown only this once)")
    event = {**prepared.sample, "timestamp": SystemClock().now_ms()}
    body = shlex.quote(msgspec.json.encode({"events": [event]}).decode())
    lines.append(f"  try       curl {url}/events -H content-type:application/json -d {body}")
    return "\n".join(lines) + "\n"
