"""Retries: pauses that grow, calls that are made again, conditions that are asked again, names that wait their turn."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec import Struct

Result = TypeVar("Result")
Failures = type[Exception] | tuple[type[Exception], ...]


def backoff(least_s: float, most_s: float) -> Iterator[float]:
    """Pauses in seconds without end: each is twice the one before, up to the most."""
    pause_s = least_s
    while True:
        yield pause_s
        pause_s = min(most_s, pause_s * 2)


def wait_until(is_done: Callable[[], bool], within_s: float, period_s: float) -> bool:
    """Ask every `period_s` seconds, and once at least; returns False when it is not done within the time."""
    until_s = time.monotonic() + within_s
    while not is_done():
        if time.monotonic() >= until_s:
            return False
        time.sleep(period_s)
    return True


def retry(
    call: Callable[[], Result], failures: Failures, pauses_s: Iterator[float], within_s: float, but: Failures = ()
) -> Result:
    """The result of a call, made again after each of these failures for `within_s` seconds; then the failure is raised.

    Failures named in `but` are raised at once.
    """
    until_s = time.monotonic() + within_s
    while True:
        try:
            return call()
        except but:
            raise
        except failures:
            if time.monotonic() >= until_s:
                raise
        time.sleep(next(pauses_s))


class _Wait(Struct):
    pauses_s: Iterator[float]
    failures: int = 0
    until_s: float = 0.0


class Backoff:
    """Counts the failures of each name, and says which names wait for their next try. Does not wait itself."""

    def __init__(self, least_s: float, most_s: float) -> None:
        self._least_s = least_s
        self._most_s = most_s
        self._waits: dict[str, _Wait] = {}

    def fail(self, name: str) -> int:
        """Count a failure; returns how many there have been since the last success."""
        wait = self._waits.setdefault(name, _Wait(backoff(self._least_s, self._most_s)))
        wait.failures += 1
        wait.until_s = time.monotonic() + next(wait.pauses_s)
        return wait.failures

    def has_failed(self, name: str) -> bool:
        """Whether the last try of this name failed."""
        return name in self._waits

    def is_waiting(self, name: str) -> bool:
        """Whether it is too early for the next try."""
        wait = self._waits.get(name)
        return wait is not None and time.monotonic() < wait.until_s

    def clear(self, name: str) -> bool:
        """Forget the failures of a name that works again, or is gone; returns whether there were any."""
        return self._waits.pop(name, None) is not None
