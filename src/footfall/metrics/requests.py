"""The requests that a process has answered, and how long the answers took, by route.

An event that the connection itself answers costs one addition. Its time is that of its group: the journal tells when
a commit's answers have left, and when the first of its requests came.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Final

from footfall.metrics.histogram import Histograms, Samples
from footfall.metrics.table import Values

# The route of a request that has none: its path or method is none of ours, or it could not be read.
OTHER: Final = "other"
EVENTS: Final = "POST /events"
CLASSES: Final = ("2xx", "3xx", "4xx", "5xx")
# Upper ends of the buckets in seconds: events take a millisecond, counts seconds, and `wait` up to a minute.
BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class RequestMetrics:
    """Counts requests by route and class of status; `values` may be called on any thread, the rest on the event loop.

    The number of routes is the caller's to bound: each has some twenty values.
    """

    def __init__(self) -> None:
        # Events requests that the connection has answered with 200. It adds to this itself, which is quickest.
        self.accepted = 0
        self._timed = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        # Seconds of a group and the number of its requests; the times by route.
        self._groups: Samples[tuple[float, int]] = Samples()
        self._times = Histograms("footfall_request_duration_seconds", BUCKETS_S)
        self._lock = threading.Lock()
        self.expect((EVENTS, OTHER))

    def expect(self, routes: Iterable[str]) -> None:
        """Count these from 0, so that the first occurrence shows as a rise."""
        self._counts.update({(route, name): 0 for route in routes for name in CLASSES})

    def count(self, route: str, status: int) -> None:
        """Count a request whose time is not known."""
        self._counts[route, f"{status // 100}xx"] += 1

    def count_timed(self, route: str, status: int, took_s: float) -> None:
        """Count a request and its time."""
        self.count(route, status)
        self._times.add(route, took_s)

    def end_group(self, began_s: float, ended_s: float) -> None:
        """Count the times of what was `accepted` since the last call, as of the first; monotonic seconds."""
        if number := self.accepted - self._timed:
            self._timed = self.accepted
            self._groups.add((ended_s - began_s, number))

    def values(self) -> Values:
        """The values of `footfall_requests_total` and `footfall_request_duration_seconds`."""
        found: Values = {("footfall_requests_total", *key): count for key, count in self._counts.copy().items()}
        found["footfall_requests_total", EVENTS, CLASSES[0]] += self.accepted
        with self._lock:
            for took_s, number in self._groups.take():
                self._times.add(EVENTS, took_s, number)
        return found | self._times.values()
