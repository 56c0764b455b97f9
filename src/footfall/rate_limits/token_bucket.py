"""Token buckets, and a table of them that stays small and from which nobody can push another's bucket."""

import math
import secrets
from collections.abc import Iterator
from typing import Final

# Buckets that a search for room looks at: what a new key costs is bounded, however full the table is.
LOOKS_MAX: Final = 8
# Buckets that keys share which find no room in the table.
SHARED_BUCKETS: Final = 256


class TokenBucket:
    """Holds up to a burst of tokens, and gets new ones at a rate, both of which its table has.

    Its state is one number: the time at which it will be full, in seconds of the monotonic clock. A bucket that is full
    is as good as a new one. It is infinite for a bucket that the table has let go of: then nothing can be taken, and
    whoever kept it asks the table for another.
    """

    __slots__ = ("full_at_s", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self.full_at_s = 0.0

    @property
    def is_dropped(self) -> bool:
        """Whether the table has let go of it."""
        return self.full_at_s == math.inf


class BucketTable:
    """The buckets of all keys, with one rate and one burst.

    **The rule.** A request passes while its bucket has a token left, and takes as many as it costs, so that a bucket
    may owe tokens for one request. In any `t` seconds a key therefore gets no more than `burst + rate * t` tokens, and
    what its last request cost beyond one. A request that does not pass takes nothing.

    **Memory.** The table holds `buckets_max` buckets. To make room it lets go of buckets that are full, and of no
    others: nobody gets a new burst because others came, and nobody can push out what they have spent. A bucket is full
    again `cost / rate` seconds after its last request, so a table is full of others only while more than `buckets_max`
    keys have sent within that time. Then a key that has no bucket gets one of SHARED_BUCKETS, by a hash with a secret:
    keys that are in the table notice nothing, and the new ones share with strangers until there is room.

    Used on one thread.
    """

    def __init__(self, rate_per_s: float, burst: int, buckets_max: int) -> None:
        self.interval_s = 1 / rate_per_s
        # A bucket that will be full in so many seconds, or sooner, has a token left. Sums of intervals are not exact.
        self.passes_s = (burst - 1) * self.interval_s + 1e-9
        self._buckets_max = buckets_max
        self._buckets: dict[str, TokenBucket] = {}
        # Keys of the table in the order in which room is searched for.
        self._hand: Iterator[str] = iter(())
        self._shared = [TokenBucket("more than the table holds") for _ in range(SHARED_BUCKETS)]
        self._secret = secrets.token_bytes(16)

    def __len__(self) -> int:
        return len(self._buckets)

    def find(self, key: str, now_s: float) -> TokenBucket:
        """The bucket of a key, made when it has none."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._buckets_max and not self._make_room(now_s):
                return self._shared[hash((self._secret, key)) % SHARED_BUCKETS]
            bucket = self._buckets[key] = TokenBucket(key)
        return bucket

    def take(self, bucket: TokenBucket, cost: float, now_s: float) -> bool:
        """Take what a request costs. False, and nothing is taken, while there is no token left."""
        full_at_s = bucket.full_at_s
        if full_at_s < now_s:
            full_at_s = now_s
        if full_at_s - now_s > self.passes_s:
            return False
        bucket.full_at_s = full_at_s + cost * self.interval_s
        return True

    def wait_s(self, bucket: TokenBucket, now_s: float) -> int:
        """Whole seconds, one at least, after which there is a token again."""
        return max(1, math.ceil(bucket.full_at_s - now_s - self.passes_s))

    def _make_room(self, now_s: float) -> bool:
        """Let go of a full bucket among the next few of the table."""
        for _ in range(LOOKS_MAX):
            key = next(self._hand, None)
            if key is None:
                self._hand = iter(list(self._buckets))
                continue
            bucket = self._buckets.get(key)
            if bucket is not None and bucket.full_at_s <= now_s:
                del self._buckets[key]
                bucket.full_at_s = math.inf
                return True
        return False
