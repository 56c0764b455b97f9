"""The client of footfall: usage events that are kept on disk until the service has them.

from footfall_client import Outbox

outbox = Outbox("/var/lib/shop/events.outbox", "https://events.example.com")
outbox.track(customer="ACME", product="SHOP", type="SHOP-OPENED", context=["ada"])
"""

from footfall_client.errors import OutboxBroken, OutboxClosed, OutboxError, OutboxFull
from footfall_client.options import OutboxOptions
from footfall_client.outbox import Outbox, OutboxStats
from footfall_client.rejects import Reject
from footfall_client.sender import BatchResult

__all__ = [
    "BatchResult",
    "Outbox",
    "OutboxBroken",
    "OutboxClosed",
    "OutboxError",
    "OutboxFull",
    "OutboxOptions",
    "OutboxStats",
    "Reject",
]
