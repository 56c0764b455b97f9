"""What every process of the service needs: its listening socket, its limits, its ties to a supervisor.

Two tricks: the web processes ask the kernel for short turns, which took 99 % of requests beside a report from 9.5 to
8.2 ms; and no process collects garbage while it imports, which makes a start 0.13 s of 1.0 s shorter.
"""

import contextlib
import ctypes
import errno
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

from footfall.settings import Settings

log = logging.getLogger(__name__)

# The reading end of a pipe that the supervisor holds: its end says that the supervisor is gone, and the child stops.
PARENT_FD = "FOOTFALL_PARENT_FD"
# The listening socket that the supervisor holds for all web processes.
SOCKET_FD = "FOOTFALL_SOCKET_FD"
# The reading end of a pipe that the supervisor closes when everything is prepared.
GATE_FD = "FOOTFALL_GATE_FD"
# What stops a supervisor's child. It is no signal that others send: service managers send SIGTERM to all processes of a
# service at once, a terminal SIGINT and SIGHUP, and the engine must not stop before what writes into it.
CHILD_STOP_SIGNAL = signal.SIGUSR1
# What a restart of the supervisor leaves to the program that takes its place.
HANDOVER = "FOOTFALL_HANDOVER"
# Which file is the lock of the data folder, for the check before a restart.
LOCKED = "FOOTFALL_LOCKED"
# What has a web process accept no more connections, and end once its clients have their answers.
DRAIN_SIGNAL = signal.SIGUSR2
# Seconds for which a draining process waits for requests on connections that it has: each gets an answer that says that
# it is the connection's last, so that clients which send again and again meet no closed connection.
DRAIN_S = 1.0
# The signals that a supervisor's child starts with blocked, because it cannot yet deal with them.
CHILD_BLOCKED_SIGNALS = frozenset({CHILD_STOP_SIGNAL, DRAIN_SIGNAL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
# Connections that wait in the kernel while the web processes are busy or being restarted.
BACKLOG = 2048
# Connections that one turn of the event loop accepts.
ACCEPTS_AT_ONCE = 16
# Files that a web process has open beside those of its connections, with a margin: the journal, the state, the store.
FILES_SPARE = 128
# Files of a connection: its socket, and the file that it downloads.
FILES_A_CONNECTION = 2
# The share of connections_max that must fit, or the log warns.
NEARLY_ALL = 0.9
# Files that the engine has open beside those of its statements, with a margin: a load of 251 months had 127 in all.
ENGINE_FILES_SPARE = 192
# Files of a statement that reads 251 months: with one running 259 were open in all, with four 463.
FILES_A_STATEMENT = 100
# Files that the engine asks for: years of wide parts have many, and a ClickHouse server takes all that it may.
ENGINE_FILES_MAX = 65_536
# A short turn: how long a process runs at most while others wait for the core, and a thread while others wait for the
# interpreter. It is the least that Linux grants.
SHORT_TURN_NS = 100_000
# The number of Linux's system call sched_setattr, for which not every C library has a function. Its structure: size,
# policy, flags, nice, priority, and three times, of which the first is the turn.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SCHED_ATTR = struct.Struct("=IIQiIQQQ")


class CannotServe(Exception):
    """The service does not start; the text is one line for the person who typed the command."""


class SettingsUnusable(CannotServe):
    """The same for what somebody has written: the tracking plan or a setting. Another start would end the same."""


def bind(settings: Settings) -> socket.socket:
    """Listen on the address of the settings. Raises CannotServe when that is not possible."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotServe(f"cannot listen on {settings.host} port {settings.port}: {_why_not(error)}") from error
    listener.setblocking(False)
    return listener


def _why_not(error: OSError) -> str:
    """Why there is no listening socket, and what to do about it."""
    match error.errno:
        case errno.EADDRINUSE:
            return "another program listens there; name another port with --port, or 0 for any free one"
        case errno.EADDRNOTAVAIL | socket.EAI_NONAME:
            return "this machine has no such address; name another with --host"
        case errno.EACCES:
            return "only root may listen on that port; name one from 1024 on with --port"
        case _:
            return error.strerror or str(error)


def inherited_socket() -> socket.socket | None:
    """The supervisor's listening socket; None without a supervisor."""
    file = os.environ.get(SOCKET_FD)
    return socket.socket(fileno=int(file)) if file else None


def duplicate_listener(listener: socket.socket) -> list[socket.socket]:
    """The listening socket and its duplicates, ACCEPTS_AT_ONCE in all: the event loop accepts one of each in a turn.

    A turn that serves hundreds of connections takes tens of milliseconds. Beside 256 busy connections a new one waited
    290 ms with one socket, and 106 ms with sixteen.
    """
    return [listener, *(listener.dup() for _ in range(ACCEPTS_AT_ONCE - 1))]


def raise_file_limit(files: int) -> None:
    """Let this process open so many files at once, or as many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # Some systems allow fewer than they say.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def raise_file_limit_for_connections(settings: Settings) -> None:
    """Let a web process open the files of all connections that the settings allow; log a warning where it may not."""
    raise_file_limit(settings.connections_max * FILES_A_CONNECTION + FILES_SPARE)
    if (fit := connections_that_fit(settings)) < settings.connections_max:
        # A system's usual limit is a little below what the usual setting takes, which harms nobody.
        log.log(
            logging.WARNING if fit < settings.connections_max * NEARLY_ALL else logging.DEBUG,
            "only %d of connections_max = %d connections fit: let the service open more files (ulimit -n, LimitNOFILE)",
            fit,
            settings.connections_max,
        )


def connections_that_fit(settings: Settings) -> int:
    """The connections that a web process may have at once: `connections_max`, or as many as it has files for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return settings.connections_max
    return max(1, min(settings.connections_max, (soft - FILES_SPARE) // FILES_A_CONNECTION))


def raise_file_limit_for_statements(settings: Settings) -> None:
    """Let the engine open the files of all statements that it may run at once; log a warning where it may not."""
    raise_file_limit(ENGINE_FILES_MAX)
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
    """Stop this process when its supervisor is gone, even when the supervisor was killed.

    SIGTERM, SIGINT and SIGHUP may come to all processes of a service at once, from a service manager or a terminal. A
    child ignores them: the supervisor stops the children in order, by CHILD_STOP_SIGNAL. A process that takes up the
    tracking plan on SIGHUP listens to that signal again later.
    """
    if not is_supervised():
        return
    for number in CHILD_BLOCKED_SIGNALS - {CHILD_STOP_SIGNAL}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, CHILD_BLOCKED_SIGNALS - {CHILD_STOP_SIGNAL})
    parent = int(os.environ[PARENT_FD])

    def watch() -> None:
        os.read(parent, 1)
        os.kill(os.getpid(), CHILD_STOP_SIGNAL)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def stop_signals() -> tuple[signal.Signals, ...]:
    """The signals at which this process stops in order: the supervisor's where there is one."""
    return (CHILD_STOP_SIGNAL,) if is_supervised() else (signal.SIGTERM, signal.SIGINT)


def unblock_stop_signals() -> None:
    """Let the stop signals in.

    A supervisor's child starts with them blocked: it must not end by a signal's default before it can stop in order.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())


def suspend_garbage_collection() -> None:
    """Do not collect circular garbage until `resume_garbage_collection`.

    The imports of a start make a hundred thousand objects and hardly any garbage; to traverse them again and again took
    0.13 of 1.0 s.
    """
    gc.disable()


def resume_garbage_collection() -> None:
    """Collect from now on, but do not traverse the objects of the start, which stay for as long as the process."""
    gc.freeze()
    gc.enable()


def wait_for_gate() -> None:
    """Wait until the supervisor has prepared everything; at once without a supervisor, and after a restart."""
    if file := os.environ.get(GATE_FD):
        os.read(int(file), 1)


def request_short_turns() -> None:
    """Have this process run soon when it wakes, for a short time, and so each of its threads; to be called before there
    are any.

    Reports and loads keep all cores busy. Linux from 6.12 on lets a process that wakes interrupt one whose turns are
    longer; elsewhere the kernel is not asked. And a thread that makes a page gives the interpreter to the one that
    takes events after 0.1 ms, where it would keep it for 5: a request passes from thread to thread four times.
    """
    sys.setswitchinterval(SHORT_TURN_NS / 1e9)
    number = _SCHED_SETATTR.get(platform.machine()) if sys.platform == "linux" else None
    if number is not None:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        wanted = _SCHED_ATTR.pack(_SCHED_ATTR.size, 0, 0, nice, 0, SHORT_TURN_NS, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, wanted, 0)
