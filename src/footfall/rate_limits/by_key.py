"""The limit of a write key: events at a rate, whoever's they are."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from footfall.errors import RequestRefused
from footfall.rate_limits.hits import Limit, LimitHits
from footfall.rate_limits.token_bucket import UNLIMITED, BucketTable
from footfall.settings import Settings

# Keys that have a bucket of their own in one web process, some 300 bytes each.
BUCKETS_MAX: Final = 20_000


class KeyLimits:
    """Events with one write key at a rate; a request costs a token for each of its events, held ones too.

    `BucketTable` has the rule. Each web process has its part of the limit, because a program's connections are spread
    over all. A request that another limit refuses afterwards has paid here.

    Used on the event loop.
    """

    def __init__(self, settings: Settings, hits: LimitHits, now_s: Callable[[], float] = monotonic) -> None:
        self._hits = hits
        self._now_s = now_s
        # Without a rate nobody empties a bucket.
        parts, rate = settings.web_processes, settings.write_key_events_per_s
        burst = max(1, settings.write_key_events_burst // parts) if rate else UNLIMITED
        self._table = BucketTable(rate / parts or 1.0, burst, BUCKETS_MAX)

    def take(self, key_id: str, events: int) -> RequestRefused | None:
        """Pay for so many events. The refusal when that is too much."""
        now_s = self._now_s()
        bucket = self._table.find(key_id, now_s)
        bucket.left -= events
        if bucket.left >= 0 or self._table.renew(bucket, events, now_s):
            return None
        text = f"the write key {key_id} has sent too many events: send the request again later"
        return self._hits.over(Limit.WRITE_KEY_EVENTS, f"write key {key_id}", text, self._table.wait_s(bucket, now_s))
