"""The terminal that a process was started from, to tell its end from a SIGHUP that somebody sends.

A daemon takes SIGHUP as the word to read its files again. The kernel and shells send the same signal when a terminal is
gone, and there a person expects the program to stop with it.
"""

import os
import select
import signal


class Terminal:
    """The controlling terminal of this process, kept open; none for a daemon, and for what `nohup` has started."""

    def __init__(self) -> None:
        self._file: int | None = None
        # `nohup` has the signal ignored: whoever used it wants the program to outlive the terminal.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            try:
                self._file = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
            except OSError:
                self._file = None

    @property
    def has_hung_up(self) -> bool:
        """Whether there was a terminal, and it is gone."""
        return self._file is not None and _is_gone(self._file)

    def let_go(self) -> None:
        """Write to nowhere what would go to the terminal, which takes nothing more."""
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for file in (0, 1, 2):
            if os.isatty(file) or _is_gone(file):
                os.dup2(nowhere, file)
        os.close(nowhere)

    def close(self) -> None:
        """Close the file of the terminal."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _is_gone(file: int) -> bool:
    """Whether the other end of the file is gone."""
    poll = select.poll()
    poll.register(file, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
