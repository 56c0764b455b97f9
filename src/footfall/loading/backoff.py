"""When a segment that the disk failed on is tried again."""

import time

from msgspec import Struct

# Doubled with every failure up to the most. A disk that lost its cable for a moment gets a second, and one that stays
# broken or full costs a read in five seconds.
PAUSE_LEAST_S = 0.5
PAUSE_MOST_S = 5.0


class _Wait(Struct):
    tries: int
    until_s: float


class Backoff:
    """Counts the failures of what is named, and says what waits for its next try."""

    def __init__(self) -> None:
        self._waits: dict[str, _Wait] = {}

    def fail(self, name: str) -> int:
        """Note a failure; gives how many there have been since it last worked."""
        wait = self._waits.setdefault(name, _Wait(0, 0.0))
        wait.tries += 1
        pause_s: float = min(PAUSE_MOST_S, PAUSE_LEAST_S * 2 ** min(wait.tries - 1, 10))
        wait.until_s = time.monotonic() + pause_s
        return wait.tries

    def waits(self, name: str) -> bool:
        """Whether it is too early for the next try."""
        wait = self._waits.get(name)
        return wait is not None and time.monotonic() < wait.until_s

    def forget(self, name: str) -> bool:
        """It works again, or is gone; gives whether it had failed."""
        return self._waits.pop(name, None) is not None
