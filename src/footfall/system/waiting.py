"""Waiting on a thread: until a condition holds, or until a call succeeds that fails for a while."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

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
