"""Counts failed sign-ins, so that guessing does not pay."""

import threading
from collections import OrderedDict, deque

from footfall.clock import Clock
from footfall.errors import Code, RequestRefused

WINDOW_MS = 60_000
# Pairs of user and address that are remembered. Each failure cost a hash; this many take longer than the window, so
# nobody can have their own failures forgotten by making others.
PAIRS_MAX = 10_000


class Failures:
    """The failures of each pair of user id and address in the last minute; past `failures_max`, the pair is refused."""

    def __init__(self, failures_max: int, clock: Clock) -> None:
        self._failures_max = failures_max
        self._clock = clock
        self._pairs: OrderedDict[tuple[str, str], deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, pair: tuple[str, str]) -> None:
        """Raise RequestRefused while the pair has had more failures than allowed."""
        now_ms = self._clock.now_ms()
        with self._lock:
            times = self._pairs.get(pair)
            if times is None or len(times) <= self._failures_max:
                return
            wait_ms = times[0] + WINDOW_MS - now_ms
        if wait_ms > 0:
            message = "too many failed sign-ins of this user from this address"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, message, retry_after_s=-(-wait_ms // 1000))

    def add(self, pair: tuple[str, str]) -> None:
        now_ms = self._clock.now_ms()
        with self._lock:
            times = self._pairs.setdefault(pair, deque(maxlen=self._failures_max + 1))
            times.append(now_ms)
            self._pairs.move_to_end(pair)
            self._forget(now_ms)

    def _forget(self, now_ms: int) -> None:
        """Drop the pairs that failed longest ago: those out of the window, and those over the bound."""
        while self._pairs:
            pair, times = next(iter(self._pairs.items()))
            if times[-1] + WINDOW_MS > now_ms and len(self._pairs) <= PAIRS_MAX:
                return
            del self._pairs[pair]
