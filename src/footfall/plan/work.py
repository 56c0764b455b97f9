"""What the expressions of a plan do for one body, and where it ends."""

import time
from collections.abc import Callable

# Steps between two looks at what was spent: some 10 ms at the worst that plans come to by mistake.
LOOK_STEPS = 4_000_000
# Seconds of a core for a body whose client has left: a beacon's is done long before, and nobody waits for another.
LEFT_CPU_S = 0.1


class TooMuchWork(Exception):
    """The check of a body took as long as it may."""


class ClientLeft(Exception):
    """The client of a body whose check takes long has left."""


class Work:
    """The work of one thread on one body: raises TooMuchWork when it took `cpu_s_max` seconds of a core.

    It begins with the first look. Steps are counted, and the time is looked at after LOOK_STEPS of them only. `leave`
    may be called on another thread.
    """

    def __init__(self, cpu_s_max: float, clock: Callable[[], float] = time.thread_time) -> None:
        self._cpu_s_max = cpu_s_max
        self._clock = clock
        self._begun_s: float | None = None
        self._steps = 0
        self._is_wanted = True

    def leave(self) -> None:
        """The client has left: what takes more than LEFT_CPU_S is given up."""
        self._is_wanted = False

    def spend(self, steps: int) -> None:
        """Say that so many steps come next. Raises TooMuchWork and ClientLeft when they must not."""
        self._steps += steps
        if self._steps >= LOOK_STEPS:
            self._steps = 0
            self._look()

    def _look(self) -> None:
        now_s = self._clock()
        if self._begun_s is None:
            self._begun_s = now_s
        spent_s = now_s - self._begun_s
        if spent_s >= self._cpu_s_max:
            raise TooMuchWork
        if not self._is_wanted and spent_s >= LEFT_CPU_S:
            raise ClientLeft
