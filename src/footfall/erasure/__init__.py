"""Erases a person, that is a value of a context key: everything that footfall has of them, and whatever comes later.

**The order** (`orders`) is a row of the state with the digest of the value. From then on every node's loader leaves the
person's events out (`footfall.tombstones`). The value itself is written nowhere, not even while the work lasts, so that
neither the state nor what the store keeps of its own changes has it.

**The work** (`eraser`) is a background task of each worker. Each step is safe to repeat, and the order of the steps
makes that enough: after a `kill -9` the next worker begins with the first step that the state does not have as done.

1. *Files*, on each node by itself: the filter is read, the journal's sealed segments are cleaned, then the archive, and
   the segments that were set aside or repaired. What the node had loaded before is in the store then, and nothing
   more of the person will be. The node writes down its share.
2. *Store*, by one node, once all nodes have done their share: what is there is counted and the reports that have it are
   found and closed, before anything is removed. Then the rows go (`ALTER TABLE ... DELETE`), the parts that had them
   too, and the days are counted anew. A report that was made meanwhile may have read them: it is closed as well.
3. *Backups*: a tombstone is left at each place where backups were written, which a restore applies.

A node that was away does its share when it comes back, also of an erasure that is done.

**The receipt** lists what was touched, and what is out of reach.
"""

from footfall.erasure.eraser import Eraser, EraserDependencies
from footfall.erasure.orders import (
    DryRun,
    ErasureRefused,
    Erasures,
    ErasureWanted,
    find_erasure,
    newest_erasures,
)
from footfall.erasure.receipt import ErasedEvents, ErasureReceipt, ErasureShown
from footfall.erasure.requests import ErasureRequests

__all__ = [
    "DryRun",
    "ErasedEvents",
    "Eraser",
    "EraserDependencies",
    "ErasureReceipt",
    "ErasureRefused",
    "ErasureRequests",
    "ErasureShown",
    "ErasureWanted",
    "Erasures",
    "find_erasure",
    "newest_erasures",
]
