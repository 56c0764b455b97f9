"""Counts failed sign-ins, and refuses more after too many, so that guessing does not pay."""

import threading
from collections import OrderedDict, deque

from footfall.errors import Code, RequestRefused
from footfall.system.clock import Clock

WINDOW_MS = 60_000
# Pairs of user and network that are remembered. So many failures take longer than the window, since each costs a hash:
# nobody can push their own failures out by making others.
PAIRS_MAX = 10_000


class Failures:
    """The failures of each pair of user id and network in the last minute, or in `window_ms`.

    Past `failures_max` the pair is refused.
    """

    def __init__(self, failures_max: int, clock: Clock, window_ms: int = WINDOW_MS) -> None:
        self._window_ms = window_ms
        self._failures_max = failures_max
        self._clock = clock
        self._pairs: OrderedDict[tuple[str, str], deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, pair: tuple[str, str]) -> None:
        """Raise RequestRefused while the pair has had as many failures as are allowed."""
        with self._lock:
            self._check(pair, self._clock.now_ms())

    def reserve(self, pair: tuple[str, str]) -> int:
        """Count an attempt as failed before it is made, so that attempts at the same time cannot exceed the limit.

        Returns the time that `give_back` takes. Raises RequestRefused as `check` does.
        """
        now_ms = self._clock.now_ms()
        with self._lock:
            self._check(pair, now_ms)
            times = self._pairs.setdefault(pair, deque(maxlen=self._failures_max))
            times.append(now_ms)
            self._pairs.move_to_end(pair)
            self._forget(now_ms)
        return now_ms

    def give_back(self, pair: tuple[str, str], reserved_ms: int) -> None:
        """The attempt did not fail: count it no longer."""
        with self._lock:
            times = self._pairs.get(pair)
            if times is not None and reserved_ms in times:
                times.remove(reserved_ms)
                if not times:
                    del self._pairs[pair]

    def is_refused(self, pair: tuple[str, str]) -> bool:
        """Whether the pair has had as many failures as are allowed."""
        with self._lock:
            return self._wait_ms(pair, self._clock.now_ms()) > 0

    def _wait_ms(self, pair: tuple[str, str], now_ms: int) -> int:
        times = self._pairs.get(pair)
        return 0 if times is None or len(times) < self._failures_max else times[0] + self._window_ms - now_ms

    def _check(self, pair: tuple[str, str], now_ms: int) -> None:
        wait_ms = self._wait_ms(pair, now_ms)
        if wait_ms > 0:
            message = "too many failed sign-ins of this user from this address"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, message, retry_after_s=-(-wait_ms // 1000))

    def _forget(self, now_ms: int) -> None:
        """Drop the pairs that failed longest ago: those out of the window, and those over the bound."""
        while self._pairs:
            pair, times = next(iter(self._pairs.items()))
            if times[-1] + self._window_ms > now_ms and len(self._pairs) <= PAIRS_MAX:
                return
            del self._pairs[pair]
