"""The events store: ClickHouse, whether footfall's own embedded engine or any server or cluster.

All events stand in one table, whose sorting key is an event's identity, so that loading a segment twice counts its
events once: statements that count or read events use FINAL, or find equal keys themselves. The same statements run in
the engine and in a cluster, because the engine is ClickHouse too. The engine is a process of its own (`engine/`), whose
library of 500 MB no other process loads.

SQL lives in `schema/*.sql`, applied in order; `queries/*.sql`, fetched by `query(name)`; and `tables/*.sql`, for tables
that exist during one piece of work.
"""

from footfall.store.client import Store, Table
from footfall.store.errors import (
    StoreDamaged,
    StoreDiffers,
    StoreFailed,
    StoreLarge,
    StoreMemory,
    StoreRefused,
    StoreRejected,
    StoreShort,
    StoreTimeout,
    StoreTooNew,
    StoreUnavailable,
    refuse_rejected,
)
from footfall.store.migrations import Migration, read_migrations
from footfall.store.statements import Identifier, query, statement_time_s

__all__ = [
    "Identifier",
    "Migration",
    "Store",
    "StoreDamaged",
    "StoreDiffers",
    "StoreFailed",
    "StoreLarge",
    "StoreMemory",
    "StoreRefused",
    "StoreRejected",
    "StoreShort",
    "StoreTimeout",
    "StoreTooNew",
    "StoreUnavailable",
    "Table",
    "query",
    "read_migrations",
    "refuse_rejected",
    "statement_time_s",
]
