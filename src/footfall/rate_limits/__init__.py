"""Rate limits of `POST /events`, for addresses and for customers: how much one of them may send before others suffer.

`token_bucket` has the rule and its bounded table. `hits` counts what goes over a limit, and says whether that is
refused. `by_address` has the limits of an address, `by_customer` those of a customer's product, `by_key` that of a
write key.

Each web process has buckets of its own, in memory: a restart fills them. Nothing here waits, and nothing is written.
"""

from footfall.rate_limits.by_address import TOKEN_BITS, AddressLimits, ClientLimits
from footfall.rate_limits.by_customer import NOBODY, Account, CustomerLimits, Spread
from footfall.rate_limits.by_key import KeyLimits
from footfall.rate_limits.hits import Limit, LimitHits
from footfall.rate_limits.token_bucket import BucketTable, TokenBucket

__all__ = [
    "NOBODY",
    "TOKEN_BITS",
    "Account",
    "AddressLimits",
    "BucketTable",
    "ClientLimits",
    "CustomerLimits",
    "KeyLimits",
    "Limit",
    "LimitHits",
    "Spread",
    "TokenBucket",
]
