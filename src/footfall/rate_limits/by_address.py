"""The limits of an address, which hold before a body is read: requests at a rate, and connections at once."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from footfall.addresses import TrustedProxies, network_of
from footfall.errors import RequestRefused
from footfall.rate_limits.hits import Limit, LimitHits
from footfall.rate_limits.token_bucket import BucketTable, TokenBucket
from footfall.settings import Settings

# Buckets of addresses in one web process, some 300 bytes each: so many send at once before the next ones share.
BUCKETS_MAX: Final = 20_000
# Sources whose bucket is known. To find the network of one takes as long as to read a request.
SOURCES_MAX: Final = 20_000
# Bytes of a body that cost as much as one more request.
TOKEN_BYTES: Final = 16 * 1024

# Where a request comes from: the address at the other end, and what it forwards when that is a trusted proxy.
Source = str | tuple[str, bytes]


class AddressLimits:
    """The requests of a network at a rate. A network is an address, or a /64 of IPv6, as trusted proxies tell it.

    A request costs a token, and one more for each TOKEN_BYTES of body that its head announces. `BucketTable` has the
    rule. Each web process has buckets of its own, so that an address with connections to several has more.
    """

    def __init__(self, settings: Settings, hits: LimitHits, now_s: Callable[[], float] = monotonic) -> None:
        self._hits = hits
        self._now_s = now_s
        rate = settings.address_requests_per_s
        self.is_on = rate > 0
        self._proxies = TrustedProxies(settings)
        self._table = BucketTable(max(rate, 1), settings.address_requests_burst, BUCKETS_MAX)
        self._interval_s, self._passes_s = self._table.interval_s, self._table.passes_s
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

    def check(self, source: Source, body_bytes: int) -> RequestRefused | None:
        """Take what a request costs, whose head announces so many bytes of body. The refusal when that is too much.

        Every request pays for this, so that `BucketTable.take` is written out here.
        """
        bucket = self._buckets.get(source) or self._find(source)
        now_s, full_at_s = self._now_s(), bucket.full_at_s
        if full_at_s < now_s:
            full_at_s = now_s
        elif full_at_s - now_s > self._passes_s:
            return self._check_again(source, bucket, body_bytes)
        cost = 1 if body_bytes < TOKEN_BYTES else 1 + body_bytes // TOKEN_BYTES
        bucket.full_at_s = full_at_s + cost * self._interval_s
        return None

    def charge(self, source: Source, body_bytes: int) -> None:
        """Take what a piece of a body costs whose length no head announced. The bucket may owe it."""
        bucket = self._buckets.get(source) or self._find(source)
        if not bucket.is_dropped:
            full_at_s = max(bucket.full_at_s, self._now_s())
            bucket.full_at_s = full_at_s + body_bytes / TOKEN_BYTES * self._interval_s

    def _find(self, source: Source) -> TokenBucket:
        if len(self._buckets) >= SOURCES_MAX:
            self._buckets.clear()
        bucket = self._buckets[source] = self._table.find(self.network(source), self._now_s())
        return bucket

    def _check_again(self, source: Source, bucket: TokenBucket, body_bytes: int) -> RequestRefused | None:
        """A request whose bucket is empty, or is none of the table's any more."""
        if bucket.is_dropped:
            del self._buckets[source]
            return self.check(source, body_bytes)
        text = "too many requests from this address: send more events with each, and fewer requests"
        return self._hits.over(Limit.ADDRESS_REQUESTS, bucket.key, text, self._table.wait_s(bucket, self._now_s()))
