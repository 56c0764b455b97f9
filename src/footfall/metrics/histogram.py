"""Histograms of metrics: how often a value fell into each of a few buckets, and the sum of all values.

The hot path only appends what it measured to a `Samples`; the sorting into buckets waits until somebody reads the
values, once a second, and costs a tenth of what it would cost one by one.
"""

import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

from footfall.metrics.table import SUM, Key, Values

# Samples that wait to be sorted: more than a second brings; where nobody reads them for long, the oldest are lost.
SAMPLES_MAX: Final = 50_000

Sample = TypeVar("Sample")


class BucketCounts:
    """One histogram, of one set of labels; `key` is the metric's name and its labels, `ends` the buckets' upper ends.

    All of it may be called on any thread.
    """

    def __init__(self, key: Key, ends: tuple[float, ...]) -> None:
        self._key = key
        self._ends = ends
        self._labels = (*(f"{end:g}" for end in ends), "+Inf")
        self._counts = [0] * (len(ends) + 1)
        self._total = 0.0
        self._lock = threading.Lock()

    def add(self, value: float, number: int = 1) -> None:
        """Count a value so many times."""
        with self._lock:
            self._counts[bisect_left(self._ends, value)] += number
            self._total += value * number

    def add_all(self, values: Iterable[float]) -> None:
        """Count many values."""
        ordered = sorted(values)
        with self._lock:
            before = 0
            for place, end in enumerate(self._ends):
                through = bisect_right(ordered, end, lo=before)
                self._counts[place] += through - before
                before = through
            self._counts[-1] += len(ordered) - before
            self._total += sum(ordered)

    def values(self) -> Values:
        """Each bucket with those before it, and the sum."""
        with self._lock:
            counts, total = self._counts.copy(), self._total
        found: Values = {}
        so_far = 0
        for label, count in zip(self._labels, counts, strict=True):
            so_far += count
            found[*self._key, label] = so_far
        found[*self._key, SUM] = total
        return found


class Histograms:
    """The histograms of one metric, by the value of its label; those named are there from the start, at zero."""

    def __init__(self, name: str, ends: tuple[float, ...], labels: Iterable[str] = ()) -> None:
        self._name = name
        self._ends = ends
        self._found = {label: BucketCounts((name, label), ends) for label in labels}

    def add(self, label: str, value: float, number: int = 1) -> None:
        """Count a value so many times. The number of labels is the caller's to bound."""
        histogram = self._found.get(label)
        if histogram is None:
            histogram = self._found.setdefault(label, BucketCounts((self._name, label), self._ends))
        histogram.add(value, number)

    def values(self) -> Values:
        """The values of all."""
        found: Values = {}
        for histogram in self._found.copy().values():
            found |= histogram.values()
        return found


class Samples(Generic[Sample]):
    """What one thread has measured and another is to count; `add` is a deque's `append`."""

    def __init__(self) -> None:
        self._waiting: deque[Sample] = deque(maxlen=SAMPLES_MAX)
        self.add = self._waiting.append

    def take(self) -> list[Sample]:
        """Take what waits. The other thread may add meanwhile."""
        waiting = self._waiting
        return [waiting.popleft() for _ in range(len(waiting))]
