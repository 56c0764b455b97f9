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

    def is_empty(self, source: Source) -> bool:
        """Whether the next request of a source will be refused."""
        return self._hits.refuses and not self._table.has_token(self.find(source), self._now_s())

    def charge(self, source: Source, body_bytes: int) -> None:
        """Take what a piece of a body costs whose length no head announced. The bucket may owe it."""
        bucket = self.find(source)
        # What was taken out and not spent goes back.
        tokens = body_bytes / 2**TOKEN_BITS - bucket.left
        bucket.full_at_s, bucket.left = max(bucket.full_at_s, self._now_s()) + tokens * self._table.interval_s, 0


class ClientLimits:
    """The limits of whoever is at the other end of one connection; `bucket` is that of all its requests, unless it is a
    trusted proxy, which sends those of many.

    What comes through a Unix socket has no address, and no limit. `network` is empty for that, and for a proxy.
    """

    __slots__ = ("bucket", "is_on", "is_proxied", "limits", "network", "peer")

    def __init__(self, limits: AddressLimits, peer: str) -> None:
        is_trusted = not peer or limits.trust(peer)
        self.limits = limits
        self.peer = peer
        self.is_on = limits.is_on and bool(peer)
        self.is_proxied = self.is_on and is_trusted
        self.network = "" if is_trusted else limits.network(peer)
        self.bucket = limits.find(peer) if self.is_on else TokenBucket("", UNLIMITED)

    def find(self, forwarded: bytes) -> TokenBucket:
        """The bucket of a request that a proxy forwards, with all values of its `X-Forwarded-For`."""
        return self.limits.find((self.peer, forwarded))

    def take(self, forwarded: bytes, cost: int) -> RequestRefused | None:
        """Take what a request costs. The refusal when its bucket is empty."""
        if not self.is_on:
            return None
        if self.is_proxied:
            return self.limits.take((self.peer, forwarded), cost)
        refused = self.limits.take(self.peer, cost)
        self.bucket = self.limits.find(self.peer)
        return refused

    def charge(self, forwarded: bytes, body_bytes: int) -> None:
        """Take what a piece of a body costs whose length no head announced."""
        if self.is_on:
            self.limits.charge((self.peer, forwarded) if self.is_proxied else self.peer, body_bytes)

    @property
    def is_empty(self) -> bool:
        """Whether the next request will be refused, whoever sends it."""
        return self.is_on and not self.is_proxied and self.limits.is_empty(self.peer)
