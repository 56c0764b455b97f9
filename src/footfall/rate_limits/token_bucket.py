"""Token buckets, and a table of them that stays small and from which nobody can push another's bucket."""

import math
import secrets
from collections.abc import Iterator
from typing import Final

# Buckets that a search for room looks at: what a new key costs is bounded, however full the table is.
LOOKS_MAX: Final = 8
# Buckets that keys share which find no room in the table.
SHARED_BUCKETS: Final = 256
# Tokens that a bucket hands out at once, to be spent without a look at the clock; a sixteenth of a small burst.
LEASE_TOKENS: Final = 64
# What is left of a bucket without a limit: nobody takes so much.
UNLIMITED: Final = 2**62


class TokenBucket:
    """Holds up to a burst of tokens, and gets new ones at a rate, both of which its table has.

    `left` are tokens that were taken out of it and are not spent. A request subtracts what it costs, and is over with
    that while there are enough: a look at the clock and a division would cost as much as all other limits together.
    `BucketTable.renew` has the rest, and needs one number more: the time at which the bucket will be full, in seconds
    of the monotonic clock. A full bucket is as good as a new one. One that the table has let go of is never full.
    """

    __slots__ = ("full_at_s", "key", "left")

    def __init__(self, key: str, left: int = 0) -> None:
        self.key = key
        self.left = left
        self.full_at_s = 0.0

    @property
    def is_dropped(self) -> bool:
        """Whether the table has let go of it, so that another must be asked for."""
        return self.full_at_s == math.inf

    def drop(self) -> None:
        """Have everybody who kept it ask for another."""
        self.full_at_s, self.left = math.inf, 0


class BucketTable:
    """The buckets of all keys, with one rate and one burst.

    **The rule.** A request passes while its bucket has a token, and takes as many as it costs, so that a bucket may owe
    tokens for one request. In any `t` seconds a key gets no more than `burst + rate * t` tokens, what its last request
    cost beyond one, and `lease` tokens that were taken out before and not spent. A request that does not pass takes
    nothing.

    **Memory.** The table holds `buckets_max` buckets. To make room it lets go of buckets that are full, and of no
    others: nobody gets a new burst because others came, and nobody can push out what they have spent. A bucket is full
    again `cost / rate` seconds after its last request, so a table is full of others only while more than `buckets_max`
    keys have sent within that time. Then a key that has no bucket gets one of SHARED_BUCKETS, by a hash with a secret:
    keys that are in the table notice nothing, and the new ones share with strangers until there is room.

    Used on one thread.
    """

    def __init__(self, rate_per_s: float, burst: int, buckets_max: int) -> None:
        self.interval_s = 1 / rate_per_s
        self.lease = max(1, min(LEASE_TOKENS, burst // 16))
        self._burst = burst
        # A bucket that will be full in so many seconds, or sooner, has a token. Sums of intervals are not exact.
        self._passes_s = (burst - 1) * self.interval_s + 1e-9
        self._buckets_max = buckets_max
        self._buckets: dict[str, TokenBucket] = {}
        # Keys of the table in the order in which room is searched for.
        self._hand: Iterator[str] = iter(())
        self._shared = [TokenBucket("more than there is room for") for _ in range(SHARED_BUCKETS)]
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

    def renew(self, bucket: TokenBucket, cost: int, now_s: float) -> bool:
        """Pay for a request of which `cost` was subtracted from `left`, and made it less than nothing.

        What is missing is taken out of the bucket, and a lease, where there is so much. False, and the request has
        taken nothing, when there is no token.
        """
        had = bucket.left + cost
        full_in_s = max(bucket.full_at_s - now_s, 0.0)
        if bucket.is_dropped or (had <= 0 and full_in_s > self._passes_s):
            bucket.left = had
            return False
        full_in_s += (cost - had) * self.interval_s
        bucket.left = max(0, min(self.lease, int(self._burst - full_in_s / self.interval_s + 1e-9)))
        bucket.full_at_s = now_s + full_in_s + bucket.left * self.interval_s
        return True

    def give_back(self, bucket: TokenBucket, cost: int) -> None:
        """Give back what a request paid that was refused for another bucket."""
        bucket.full_at_s -= cost * self.interval_s

    def has_token(self, bucket: TokenBucket, now_s: float) -> bool:
        """Whether a request of this bucket passes."""
        return bucket.left > 0 or bucket.full_at_s - now_s <= self._passes_s

    def wait_s(self, bucket: TokenBucket, now_s: float) -> int:
        """Whole seconds, one at least, after which there is a token again."""
        return max(1, math.ceil(bucket.full_at_s - now_s - self._passes_s))

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
                bucket.drop()
                return True
        return False
