"""Ends and forks of the process, for all outboxes that are open in it.

At exit, and at a SIGTERM for which the program has no handler of its own, outboxes send what waits within their
deadline. A program that handles SIGTERM ends through its own exit.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import weakref
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footfall_client.outbox import Outbox

_open: weakref.WeakSet[Outbox] = weakref.WeakSet()
_held: list[Outbox] = []


def register(outbox: Outbox, *, handle_sigterm: bool) -> None:
    """Close the outbox when the process ends."""
    _open.add(outbox)
    is_main = threading.current_thread() is threading.main_thread()
    if handle_sigterm and is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def unregister(outbox: Outbox) -> None:
    _open.discard(outbox)


def _close_all() -> None:
    """Close all outboxes at the same time, each within its deadline."""
    threads = [threading.Thread(target=outbox.close, daemon=True) for outbox in list(_open)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except RuntimeError:  # no new threads any more, so near the interpreter's end
        for outbox in list(_open):
            outbox.close()


def _on_sigterm(_signal: int, _frame: FrameType | None) -> None:
    """Close the outboxes, then die of the signal as if it had not been handled.

    In a thread, because the signal may have come while this one holds a lock of an outbox.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    outboxes = list(_open)
    for outbox in outboxes:
        outbox.hasten_exit()
    threading.Thread(target=_end, args=(outboxes,)).start()


def _end(outboxes: list[Outbox]) -> None:
    threads = [threading.Thread(target=outbox.flush, args=(outbox.options.exit_timeout_s,)) for outbox in outboxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _before_fork() -> None:
    _held[:] = list(_open)
    for outbox in _held:
        outbox.before_fork()


def _after_fork_in_parent() -> None:
    for outbox in reversed(_held):
        outbox.after_fork_in_parent()
    _held.clear()


def _after_fork_in_child() -> None:
    for outbox in _held:
        outbox.after_fork_in_child()
    _held.clear()
    # A child of multiprocessing ends without the interpreter's exit.
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None and _open:
        util.register_after_fork(_close_all, lambda _: util.Finalize(None, _close_all, exitpriority=0))


atexit.register(_close_all)
os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
