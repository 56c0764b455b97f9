"""The embedded engine for a command that needs the store while the service does not run."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from footfall.service.supervisor import as_environment, blocked_signals
from footfall.settings import Settings
from footfall.store import Store, StoreUnavailable
from footfall.system.process import CHILD_STOP_SIGNAL, PARENT_FD
from footfall.system.waiting import wait_until

# Seconds in which an engine must answer after its start; it opens its tables before.
_START_S = 120
_PERIOD_S = 0.05


@contextlib.contextmanager
def temporary_engine(settings: Settings, store: Store, restart_s: float = 0) -> Iterator[None]:
    """Run the embedded engine until the block ends, if the store is embedded and no engine answers.

    A running service gets `restart_s` seconds to start a fallen engine again. Raises StoreUnavailable.
    """
    if settings.events_url != "embedded" or wait_until(store.ping, restart_s, _PERIOD_S):
        yield
        return
    ours, theirs = os.pipe()
    quiet = {"FOOTFALL_LOG_LEVEL": "error", PARENT_FD: str(ours)}
    command = [sys.executable, "-m", "footfall", "engine"]
    environment = {**os.environ, **as_environment(settings), **quiet}
    # The engine watches the pipe, so that it ends with this process, however this one ends.
    with blocked_signals():
        process = subprocess.Popen(command, env=environment, pass_fds=(ours,))  # noqa: S603 - our own program
    try:
        wait_until(lambda: store.ping() or process.poll() is not None, _START_S, _PERIOD_S)
        if not store.ping():
            raise StoreUnavailable("the events engine does not start; see the lines before this one")
        yield
    finally:
        process.send_signal(CHILD_STOP_SIGNAL)
        try:
            process.wait(settings.stop_timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(ours)
        os.close(theirs)
