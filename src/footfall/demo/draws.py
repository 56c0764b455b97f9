"""Seeded draws: the same seed gives the same draws with every release of Python.

Of `random.Random` only `random` and `getrandbits` are used, whose results for a seed do not change between releases;
those of `choice` and others did.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

from msgspec import Struct

Value = TypeVar("Value")


class Weights(Struct, frozen=True):
    """Values, each with the sum of its weight and of those before it."""

    values: tuple[str, ...]
    sums: tuple[float, ...]


def weights(table: Mapping[str, float]) -> Weights:
    """Values that are drawn as often as their weights say, relative to each other."""
    return Weights(tuple(table), tuple(accumulate(table.values())))


class Draws:
    """Draws that follow from a seed, which is any text."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self._random.random() < probability

    def number(self, below: int) -> int:
        """A whole number from 0, below the bound."""
        return int(self._random.random() * below)

    def between(self, low: float, high: float) -> float:
        """A number of the range, each as likely."""
        return low + (high - low) * self._random.random()

    def exponential(self, mean: float) -> float:
        """A waiting time: mostly shorter than the mean, now and then much longer."""
        return -math.log(1.0 - self._random.random()) * mean

    def count(self, mean: float) -> int:
        """A whole number around the mean, within a quarter of it, whose mean is the mean."""
        return int(mean * self.between(0.75, 1.25) + self._random.random())

    def choice(self, values: Sequence[Value]) -> Value:
        """One of the values, each as likely."""
        return values[self.number(len(values))]

    def weighted(self, table: Weights) -> str:
        """One of the values, as likely as its weight says."""
        return table.values[bisect_right(table.sums, self._random.random() * table.sums[-1])]

    def hex(self, digits: int) -> str:
        """A text of hexadecimal digits."""
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """A UUID of version 4."""
        digits = self.hex(30)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:]}"
