"""What goes over a limit: counted by limit, told to the log once a minute, and refused where the settings say so."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from footfall.errors import Code, RequestRefused

log = logging.getLogger(__name__)

# Seconds between two lines about one limit: they are for people, and a flood must not fill the log.
LOG_PERIOD_S: Final = 60.0
# Characters of whoever went over a limit, as the log has them: strangers choose the names of customers.
NAME_CHARS_MAX: Final = 100


class Limit(StrEnum):
    """The limits, as metrics and the log name them."""

    ADDRESS_REQUESTS = "address_requests"
    ADDRESS_CONNECTIONS = "address_connections"
    CUSTOMER_EVENTS = "customer_events"
    WRITE_KEY_EVENTS = "write_key_events"
    CUSTOMER_DAY_BYTES = "customer_day_bytes"
    QUARANTINE_DAY_BYTES = "quarantine_day_bytes"


class _Told(Struct):
    """What the log was told of a limit: when, and how many there were by then."""

    at_s: float
    hits: int


class LimitHits:
    """Counts what goes over each limit; `refuses` is whether that is refused, or counted and no more.

    The first of a minute has a line in the log, with who it was and how many there were since the line before. So at
    most one line a minute for each limit is written, however many there are.
    """

    def __init__(self, *, refuses: bool, now_s: Callable[[], float] = time.monotonic) -> None:
        self.refuses = refuses
        self.counts: Counter[Limit] = Counter()
        self._now_s = now_s
        self._told: dict[Limit, _Told] = {}

    def over(self, limit: Limit, who: str, text: str, retry_after_s: int) -> RequestRefused | None:
        """Count a request that is over a limit; the refusal when it is to be refused.

        `who` is a network, or a customer and product; `text` is for whoever sent it.
        """
        self.counts[limit] += 1
        now_s, told = self._now_s(), self._told.get(limit)
        if told is None or now_s - told.at_s >= LOG_PERIOD_S:
            self._tell(limit, who, self.counts[limit] - (told.hits if told else 0))
            self._told[limit] = _Told(now_s, self.counts[limit])
        if not self.refuses:
            return None
        return RequestRefused(Code.REQUEST_RATE_LIMITED, text, retry_after_s=retry_after_s)

    def _tell(self, limit: Limit, who: str, new: int) -> None:
        done = "refused" if self.refuses else "counted, not refused (limits_mode)"
        log.warning(
            "over the limit %s: %d %s since the last such line, the last from %r",
            limit.value, new, done, who[:NAME_CHARS_MAX],
        )  # fmt: skip

    def values(self) -> dict[tuple[str, ...], float]:
        """The counts for metrics, from 0, so that the first shows as a rise."""
        return {("footfall_limits_hit_total", limit.value): self.counts[limit] for limit in Limit}
