"""Reading the tracking plan again on SIGHUP, beside the work of a process."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable

from footfall.plan import LivePlan
from footfall.system.terminal import Terminal

log = logging.getLogger(__name__)


class PlanReloader:
    """Reads the tracking plan again whenever it is asked to; requests are answered meanwhile.

    A large plan takes seconds to read. One reading runs at a time; however often it is asked for meanwhile, one more
    follows, which sees the file as it was when it was last asked for, or later. The process may end during a reading.
    `also` is called before each.
    """

    def __init__(self, plan: LivePlan, also: Callable[[], None] | None = None) -> None:
        self._plan = plan
        self._also = also
        self._terminal = Terminal()
        self._lock = threading.Lock()
        self._is_asked = self._is_reading = False

    def listen(self) -> None:
        """Ask for a reading on every SIGHUP from now on; a process whose own terminal hung up is stopped instead."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_sighup)

    def close(self) -> None:
        """Close the file of the terminal."""
        self._terminal.close()

    def _on_sighup(self) -> None:
        if self._terminal.has_hung_up:
            self._terminal.let_go()
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            self.ask()

    def ask(self) -> None:
        """Have the plan read again soon."""
        with self._lock:
            self._is_asked = True
            if self._is_reading:
                return
            self._is_reading = True
        # A daemon thread, because the end of the process waits for the event loop's own threads.
        threading.Thread(target=self._read, name="take up the tracking plan", daemon=True).start()

    def _read(self) -> None:
        while self._goes_on():
            try:
                if self._also is not None:
                    self._also()
                reload(self._plan)
            except Exception:
                log.exception("the tracking plan could not be read, the old one stays in force")

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_reading, self._is_asked = self._is_asked, False
            return self._is_reading


def reload(plan: LivePlan) -> None:
    """Put the tracking plan's file in force as it is now; a broken one leaves the old plan in force."""
    if error := plan.reload():
        log.error("the new tracking plan is broken, the old one stays in force:\n%s", error)
    else:
        log.info("tracking plan %s is in force", plan.plan.fingerprint)
