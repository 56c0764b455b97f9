"""What every process of the service needs whatever it does: its log, its listening socket, its ties to a supervisor."""

import contextlib
import ctypes
import gc
import logging
import os
import platform
import resource
import signal
import socket
import struct
import sys
import threading
import time

from footfall.settings import Settings
from footfall.system.log_limit import LogRateLimit

log = logging.getLogger(__name__)

# The reading end of a pipe that the supervisor holds: when it closes, the supervisor is gone, and so shall the child.
PARENT_FD = "FOOTFALL_PARENT_FD"
# The listening socket that the supervisor holds for all web processes.
SOCKET_FD = "FOOTFALL_SOCKET_FD"
# The reading end of a pipe that the supervisor closes when everything is prepared.
GATE_FD = "FOOTFALL_GATE_FD"
# Connections that wait in the kernel while the web processes are busy or being restarted.
BACKLOG = 2048
# Connections that one turn of the event loop lets in.
ACCEPTS_AT_ONCE = 16
# Files that a web process has open beside those of its connections, with room: the journal, the state, the store.
FILES_SPARE = 128
# Files of a connection: its socket, and the file that it downloads.
FILES_A_CONNECTION = 2
# Files that the engine has open beside those of its statements, with room: a load of 251 months made it 127 in all.
ENGINE_FILES_SPARE = 192
# Files of a statement that reads 251 months: alone it made them 259 in all, four at once 463, whatever its threads.
FILES_A_STATEMENT = 100
# Files that the engine asks for, as a server of ClickHouse takes all that it may: years of wide parts have many.
ENGINE_FILES_MAX = 65_536
# How long a process goes on at the most while others wait, where it asks for short turns: the least that Linux grants.
SHORT_TURN_NS = 100_000
# Linux's number of sched_setattr, for which the C library has no function everywhere, and what it takes: size, policy,
# flags, nice, priority, and three times of which the first is the turn.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SCHED_ATTR = struct.Struct("=IIQiIQQQ")


class CannotServe(Exception):
    """Why the service does not start, in a line for whoever typed the command."""


def bind(settings: Settings) -> socket.socket:
    """Listen on the address of the settings. Raises CannotServe when it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise CannotServe(f"cannot listen on {settings.host} port {settings.port}: {reason}") from error
    listener.setblocking(False)
    return listener


def inherited_socket() -> socket.socket | None:
    """The supervisor's listening socket, where there is a supervisor."""
    file = os.environ.get(SOCKET_FD)
    return socket.socket(fileno=int(file)) if file else None


def multiply(listener: socket.socket) -> list[socket.socket]:
    """The listening socket ACCEPTS_AT_ONCE times over, for an event loop that takes one connection from each a turn.

    A turn that serves hundreds of connections takes tens of milliseconds. Beside 256 that sent 100 events a request,
    new ones waited 290 ms with one socket and 106 ms with sixteen, and three times as many came in.
    """
    return [listener, *(listener.dup() for _ in range(ACCEPTS_AT_ONCE - 1))]


def allow_files(files: int) -> None:
    """Have the system let this process open so many files at once, or as many as it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # Systems have bounds of their own above the one that they tell.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def allow_connections(settings: Settings) -> None:
    """Have the system let a web process open the files of all connections that the settings allow."""
    allow_files(settings.connections_max * FILES_A_CONNECTION + FILES_SPARE)
    if (fit := connections_that_fit(settings)) < settings.connections_max:
        log.warning(
            "only %d of connections_max = %d connections fit: let the service open more files (ulimit -n, LimitNOFILE)",
            fit,
            settings.connections_max,
        )


def connections_that_fit(settings: Settings) -> int:
    """How many connections a web process may have at once: `connections_max`, or as many as it has files for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return settings.connections_max
    return max(1, min(settings.connections_max, (soft - FILES_SPARE) // FILES_A_CONNECTION))


def allow_statements(settings: Settings) -> None:
    """Have the system let the engine open the files of all statements that the settings let it run at once."""
    allow_files(ENGINE_FILES_MAX)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = ENGINE_FILES_SPARE + settings.engine_queries_at_once_max * FILES_A_STATEMENT
    if soft != resource.RLIM_INFINITY and soft < needed:
        log.warning(
            "the engine may open %d files and needs %d for engine_queries_at_once_max = %d statements on many months:"
            " reports and counts may fail; let the service open more files (ulimit -n, LimitNOFILE)",
            soft,
            needed,
            settings.engine_queries_at_once_max,
        )


def is_supervised() -> bool:
    """Whether a supervisor started this process."""
    return PARENT_FD in os.environ


def watch_parent() -> None:
    """Stop this process when its supervisor is gone, even by a kill that nobody could see coming.

    A terminal's Ctrl-C goes to all processes at once; the children leave it to the supervisor, which stops them in
    order. A SIGHUP that comes before the tracking plan can be taken up again must not end the process either.
    """
    if not is_supervised():
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    parent = int(os.environ[PARENT_FD])

    def watch() -> None:
        os.read(parent, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def take_stop() -> None:
    """Let SIGTERM in. A supervisor's child begins without: a worker must not end before it can load what is left."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def put_off_collecting() -> None:
    """Do without the collector of circular garbage until `settle`.

    The imports of a start make a hundred thousand objects, of which some hundred are garbage; the collector goes
    through them again and again, for 0.13 of 1.0 s.
    """
    gc.disable()


def settle() -> None:
    """Collect from now on, but leave alone what is there: it stays for as long as the process."""
    gc.freeze()
    gc.enable()


def wait_for_gate() -> None:
    """Wait until the supervisor has prepared everything, where there is a supervisor; it is at once after a restart."""
    if file := os.environ.get(GATE_FD):
        os.read(int(file), 1)


def take_short_turns() -> None:
    """Be let in soon when there is something to do, for a short while each time; call it before there are threads.

    Linux from 6.12 on lets what wakes interrupt a process whose turns are longer, and reports and loads keep all cores
    busy. Beside a report 99 % of 2,000 requests a second took 8.2 ms instead of 9.5. Elsewhere nothing happens.
    """
    number = _SCHED_SETATTR.get(platform.machine()) if sys.platform == "linux" else None
    if number is not None:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        wanted = _SCHED_ATTR.pack(_SCHED_ATTR.size, 0, 0, nice, 0, SHORT_TURN_NS, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, wanted, 0)


def start_log(settings: Settings, process: str) -> None:
    """One line a message, on standard error, with the process that says it and the time in UTC."""
    form = f"%(asctime)s.%(msecs)03dZ %(levelname)s {process}[{os.getpid()}] %(name)s: %(message)s"
    formatter = logging.Formatter(form, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(LogRateLimit(settings.log_repeats_max))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for chatty in ("uvicorn.error", "alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It tells of every try that failed, with a traceback; who asked says so in one line.
    logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
