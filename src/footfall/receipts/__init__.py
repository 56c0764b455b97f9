"""Receipts: what became of a request's events, for a client that wants to know whether they arrived.

`Receipts.find` looks in this node's journal first and in the store second, since that is the way which events go: one
that has left the journal before the look is in the store after it, so that none can slip through. What was acknowledged
on this node is found from that moment on, and for as long as the store keeps it. Another node's events are found when
that node has loaded them, about a second later.

A look is bounded: so many at once, so many bytes of the journal, newest segments first, so many seconds in the store.
Where a bound, or a store that is away, kept it from seeing everything, the receipt says that it is not complete.
"""

from footfall.receipts.receipt import EventReceipt, Original, Receipt, Status
from footfall.receipts.service import Receipts

__all__ = [
    "EventReceipt",
    "Original",
    "Receipt",
    "Receipts",
    "Status",
]
