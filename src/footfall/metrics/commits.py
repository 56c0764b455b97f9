"""The commits of the journal: how long their steps took, how long the disk, and how many requests shared one."""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from footfall.metrics.histogram import BucketCounts, Samples
from footfall.metrics.requests import BUCKETS_S
from footfall.metrics.table import Values

# Upper ends of the buckets of requests in one commit.
GROUP_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
STEP: Final = "footfall_collect_step_duration_seconds"
Result = TypeVar("Result")
# Seconds of the three steps of a commit, and the number of its requests.
Commit = tuple[float, float, float, int]


class CommitMetrics:
    """Times the steps of one commit in `EACH`, so that the others pay a subtraction; it takes no part in choosing them.

    `add` is for one thread, `values` may be called on any.
    """

    EACH: Final = 8

    def __init__(self) -> None:
        self._samples: Samples[Commit] = Samples()
        self.until_timed = 0  # Commits until the next that is timed.
        self._gather, self._answer = (BucketCounts((STEP, step), BUCKETS_S) for step in ("gather", "answer"))
        self._sync = BucketCounts(("footfall_journal_sync_duration_seconds",), BUCKETS_S)
        self._requests = BucketCounts(("footfall_journal_commit_requests",), GROUP_BUCKETS)
        self._lock = threading.Lock()

    def add(self, first_s: float, write_s: float, synced_s: float, told_s: float, requests: int) -> None:
        """Count a commit; when its first request came, the disk was given it and had it, and all were told; seconds."""
        self.until_timed = self.EACH - 1
        self._samples.add((write_s - first_s, synced_s - write_s, told_s - synced_s, requests))

    def values(self) -> Values:
        """The histograms, with all that was added before."""
        histograms = (self._gather, self._sync, self._answer, self._requests)
        with self._lock:
            for histogram, column in zip(histograms, zip(*self._samples.take(), strict=True), strict=False):
                histogram.add_all(column)
        found: Values = {}
        for histogram in histograms:
            found |= histogram.values()
        return found


class StepMetrics:
    """How long requests are prepared: read, checked against the plan and encoded.

    Short bodies are worked on in the event loop; one in `EACH` of them is timed. Long bodies are worked on in threads,
    and all of them are timed, with the wait for a thread.
    """

    EACH: Final = 64

    def __init__(self) -> None:
        self._samples: Samples[float] = Samples()
        self.until_timed = 0  # Short bodies until the next that is timed.
        self._short, self._long = (BucketCounts((STEP, step), BUCKETS_S) for step in ("prepare", "prepare_long"))
        self.add_long = self._long.add
        self._lock = threading.Lock()

    def time(self, work: Callable[[], Result]) -> Result:
        """Prepare a short body, and time it."""
        self.until_timed = self.EACH - 1
        began_s = time.monotonic()
        try:
            return work()
        finally:
            self._samples.add(time.monotonic() - began_s)

    def values(self) -> Values:
        """Both histograms."""
        with self._lock:
            self._short.add_all(self._samples.take())
        return self._short.values() | self._long.values()
