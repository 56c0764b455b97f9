"""Receipts: what became of a request's events, for a client that wants to know whether they arrived.

`Receipts.find` searches this node's journal first and the store second, in the order in which events move: an event
that left the journal before the search is in the store by then, so that none is missed. An event that this node
acknowledged is found from that moment on, for as long as the store keeps it. Another node's events are found when that
node has loaded them, about a second later.

A search is bounded: in how many run at once, in bytes of the journal, newest segments first, and in seconds in the
store. When a bound or an outage of the store kept it from looking everywhere, the receipt says that it is incomplete.
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
