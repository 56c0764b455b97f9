"""Ctrl-C as a request to stop: the first one is heeded between two steps, the second one ends the command at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """Takes Ctrl-C for the time of the block. `is_asked` says that it came; a block that waits may be broken off."""

    def __init__(self) -> None:
        self.is_asked = False
        self._may_break = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other one may
            self._before = signal.signal(signal.SIGINT, self._take)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before)

    @property
    def breakable(self) -> "_Breakable":
        """A block in which the first Ctrl-C raises KeyboardInterrupt too, because it may wait for long."""
        return _Breakable(self)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_asked or self._may_break:
            self.is_asked = True
            raise KeyboardInterrupt
        self.is_asked = True


class _Breakable:
    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts

    def __enter__(self) -> None:
        self._interrupts._may_break = True  # noqa: SLF001 - a part of it

    def __exit__(self, *_: object) -> None:
        self._interrupts._may_break = False  # noqa: SLF001 - a part of it
