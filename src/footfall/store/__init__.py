"""The events store: ClickHouse, whether footfall's own embedded engine or any server or cluster.

All events stand in one table, whose sorting key is an event's identity, so that loading a segment twice counts its
events once: what counts or gives events reads FINAL, or finds twins by that key itself. The same statements run in the
engine and in a cluster, because the engine is ClickHouse too (`engine.py`, a process of its own, which this front door
does not import).

SQL lives in `schema/*.sql`, applied in order, and `queries/*.sql`, fetched by `query(name)`.
"""

from footfall.store.client import Store, Table
from footfall.store.errors import (
    StoreDamaged,
    StoreFailed,
    StoreMemory,
    StoreRefused,
    StoreRejected,
    StoreShort,
    StoreTimeout,
    StoreUnavailable,
    refuse_rejected,
)
from footfall.store.statements import Identifier, query

__all__ = [
    "Identifier",
    "Store",
    "StoreDamaged",
    "StoreFailed",
    "StoreMemory",
    "StoreRefused",
    "StoreRejected",
    "StoreShort",
    "StoreTimeout",
    "StoreUnavailable",
    "Table",
    "query",
    "refuse_rejected",
]
