"""The requests that a process has answered, and how long the answers took, by route.

An event that the connection itself answers costs one addition. Its time is that of its group: the journal tells when
a commit's answers have left, and when the first of its requests came.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Final

from footfall.metrics.table import SUM, Key, Values

# The route of a request that has none: its path or method is none of ours, or it could not be read.
OTHER: Final = "other"
EVENTS: Final = "POST /events"
CLASSES: Final = ("2xx", "3xx", "4xx", "5xx")
# Upper ends of the buckets in seconds: events take a millisecond, counts seconds, and `wait` up to a minute.
BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_ENDS: Final = (*(f"{end:g}" for end in BUCKETS_S), "+Inf")


class RequestMetrics:
    """Counts requests by route and class of status; `values` may be called on any thread, the rest on the event loop.

    The number of routes is the caller's to bound: each has some twenty values.
    """

    def __init__(self) -> None:
        # Events requests that the connection has answered with 200. It adds to this itself, which is quickest.
        self.accepted = 0
        self._timed = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        # By route: the requests of each bucket alone, and the sum of their seconds at the end.
        self._times: dict[str, list[float]] = {}
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
        self._add_times(route, took_s, 1)

    def end_group(self, began_s: float) -> None:
        """Count the times of what was `accepted` since the last call, as of the first; monotonic seconds."""
        if number := self.accepted - self._timed:
            self._timed = self.accepted
            self._add_times(EVENTS, time.monotonic() - began_s, number)

    def values(self) -> Values:
        """The values of `footfall_requests_total` and `footfall_request_duration_seconds`."""
        found: Values = {("footfall_requests_total", *key): count for key, count in self._counts.copy().items()}
        found["footfall_requests_total", EVENTS, CLASSES[0]] += self.accepted
        for route, row in self._times.copy().items():
            name: Key = ("footfall_request_duration_seconds", route)
            *counts, total_s = row
            so_far = 0.0
            for end, count in zip(_ENDS, counts, strict=True):
                so_far += count
                found[*name, end] = so_far
            found[*name, SUM] = total_s
        return found

    def _add_times(self, route: str, took_s: float, number: int) -> None:
        row = self._times.get(route)
        if row is None:
            row = self._times[route] = [0.0] * (len(_ENDS) + 1)
        row[bisect_left(BUCKETS_S, took_s)] += number
        row[-1] += took_s * number
