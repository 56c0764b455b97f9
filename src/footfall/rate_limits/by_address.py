"""The limits of an address, which hold before a body is read: requests at a rate, and connections at once."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from footfall.addresses import TrustedProxies, network_of
from footfall.errors import RequestRefused
from footfall.rate_limits.hits import Limit, LimitHits
from footfall.rate_limits.token_bucket import UNLIMITED, BucketTable, TokenBucket
from footfall.settings import Settings

# Buckets of addresses in one web process, some 300 bytes each: so many send at once before the next ones share.
BUCKETS_MAX: Final = 20_000
# Sources whose bucket is known. To find the network of one takes as long as to read a request.
SOURCES_MAX: Final = 20_000
# A body costs a token for each 16 KiB that its head announces: its bytes, shifted by so many bits.
TOKEN_BITS: Final = 14

# Where a request comes from: the address at the other end, and what it forwards when that is a trusted proxy.
Source = str | tuple[str, bytes]


class AddressLimits:
    """The requests of a network at a rate. A network is an address, or a /64 of IPv6, as trusted proxies tell it.

    A request costs a token, and one more for each 16 KiB of its body. `BucketTable` has the rule. Each web process has
    buckets of its own, so that an address with connections to several has more.
    """

    def __init__(self, settings: Settings, hits: LimitHits, now_s: Callable[[], float] = monotonic) -> None:
        self._hits = hits
        self._now_s = now_s
        rate = settings.address_requests_per_s
        self.is_on = rate > 0
        self._proxies = TrustedProxies(settings)
        self._table = BucketTable(max(rate, 1), settings.address_requests_burst, BUCKETS_MAX)
        self._buckets: dict[Source, TokenBucket] = {}

    def trust(self, peer: str) -> bool:
        """Whether this is the address of a trusted proxy, which sends the requests of others."""
        return self._proxies.trust(peer)

    def network(self, source: Source) -> str:
        """The network that a request comes from."""
        if isinstance(source, str):
            return network_of(source)
        peer, forwarded = source
        return network_of(self._proxies.client_address(peer, [(b"x-forwarded-for", forwarded)]))

    def find(self, source: Source) -> TokenBucket:
        """The bucket of a source."""
        bucket = self._buckets.get(source)
        if bucket is None or bucket.is_dropped:
            if len(self._buckets) >= SOURCES_MAX:
                self._buckets.clear()
            bucket = self._table.find(self.network(source), self._now_s()) if self.is_on else TokenBucket("", UNLIMITED)
            self._buckets[source] = bucket
        return bucket

    def take(self, source: Source, cost: int) -> RequestRefused | None:
        """Take what a request costs. The refusal when its bucket is empty."""
        bucket = self.find(source)
        bucket.left -= cost
        if bucket.left >= 0 or self._table.renew(bucket, cost, self._now_s()):
            return None
        text = "too many requests from this address: send more events with each, and fewer requests"
        return self._hits.over(Limit.ADDRESS_REQUESTS, bucket.key, text, self._table.wait_s(bucket, self._now_s()))

    def charge(self, source: Source, body_bytes: int) -> None:
        """Take what a piece of a body costs whose length no head announced. The bucket may owe it."""
        bucket = self.find(source)
        # What was taken out and not spent goes back.
        tokens = body_bytes / 2**TOKEN_BITS - bucket.left
        bucket.full_at_s, bucket.left = max(bucket.full_at_s, self._now_s()) + tokens * self._table.interval_s, 0
