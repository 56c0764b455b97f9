"""The audit log: entries that are only ever added, each with the hash of the one before.

All nodes write one chain. A lock of the database orders them (of PostgreSQL an advisory lock, of SQLite that of every
writing transaction), and each transaction adds as many entries as wait, so that the lock is taken a few times a second
at the most. A chain for each node would need no lock, but nobody would notice that a whole chain is gone, and the order
of two nodes' entries would be that of their clocks.

The hash of an entry is the SHA-256, in hex, of the JSON array `[number, at_ms, node, who, account, key, address,
action, target, outcome, details, previous]` in UTF-8 without spaces, where `details` is text and `previous` the hash of
the entry before. The first entry has number 1 and an empty `previous`.

Old entries are dropped from the beginning. Before that an entry is added whose details name the last one that goes and
its hash (`through`, `hash`), so that the chain still has its anchor, and whoever drops more than that is found out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs
from sqlalchemy import BigInteger, Connection, Select, bindparam, delete, func, select, text

from footfall.state.database import Database
from footfall.state.records import AuditEntry
from footfall.state.tables import audit

# The action of the entry that is the anchor of a chain whose beginning was dropped.
PRUNED: Final = "audit.pruned"
# Advisory locks are numbers that all users of a database share; this one is ours.
_LOCK_NUMBER: Final = 0x666F_6F74_6175_6474
# Entries that one statement drops, so that others need not wait for long.
_DROPPED_AT_ONCE: Final = 10_000


def entry_hash(entry: AuditEntry) -> str:
    """The hash of an entry, from all its other fields."""
    fields = [getattr(entry, name) for name in AuditEntry.__struct_fields__ if name != "hash"]
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()


class AuditRepository:
    """The audit log. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entries: Sequence[AuditEntry]) -> list[AuditEntry]:
        """Add entries, whose numbers and hashes come from here; they are on disk when they are returned."""
        with self._database.write() as connection:
            return _append(connection, entries)

    def newest(self, before: int | None, limit: int, since_ms: int = 0, **fields: str) -> list[AuditEntry]:
        """The newest entries with these `fields`, the newest first: those with a number below `before`."""
        statement = _selected(since_ms, fields).order_by(audit.c.number.desc()).limit(limit)
        if before is not None:
            statement = statement.where(audit.c.number < before)
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(statement).mappings()]

    def following(self, number: int, limit: int, since_ms: int = 0, **fields: str) -> list[AuditEntry]:
        """The entries with these `fields` behind a number, in order."""
        statement = _selected(since_ms, fields).where(audit.c.number > number).order_by(audit.c.number).limit(limit)
        with self._database.read() as connection:
            return [_entry(row) for row in connection.execute(statement).mappings()]

    def last_pruned(self) -> AuditEntry | None:
        """The newest entry that tells which entries were dropped."""
        found = self.newest(None, 1, action=PRUNED)
        return found[0] if found else None

    def prune(self, before_ms: int, by: AuditEntry) -> int:
        """Drop the entries at the beginning that are older than a time, after `by` has told it; returns how many.

        Entries behind a younger one stay: no gap comes into the chain.
        """
        with self._database.write() as connection:
            _lock(connection)
            younger = select(func.min(audit.c.number)).where(audit.c.at_ms >= before_ms)
            end = connection.scalar(younger)
            last = select(audit).order_by(audit.c.number.desc()).limit(1)
            if end is not None:
                last = last.where(audit.c.number < end)
            anchor = connection.execute(last).mappings().one_or_none()
            if anchor is None:
                return 0
            details = {"through": anchor["number"], "hash": anchor["hash"]}
            told = structs.replace(by, action=PRUNED, details=msgspec.json.encode(details).decode())
            _append(connection, [told])
            dropped = 0
            first = connection.scalar(select(func.min(audit.c.number))) or 0
            for start in range(first, anchor["number"] + 1, _DROPPED_AT_ONCE):
                through = min(start + _DROPPED_AT_ONCE - 1, anchor["number"])
                dropped += connection.execute(delete(audit).where(audit.c.number <= through)).rowcount
            return dropped


def _selected(since_ms: int, fields: Mapping[str, str]) -> Select[Any]:
    statement = select(audit)
    if since_ms:
        statement = statement.where(audit.c.at_ms >= since_ms)
    for name, value in fields.items():
        statement = statement.where(audit.c[name] == value)
    return statement


def _lock(connection: Connection) -> None:
    """Have all other writers of the chain wait until the end of the transaction. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:number)").bindparams(bindparam("number", type_=BigInteger))
        connection.execute(lock, {"number": _LOCK_NUMBER})


def _append(connection: Connection, entries: Sequence[AuditEntry]) -> list[AuditEntry]:
    _lock(connection)
    head = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    found = connection.execute(head).one_or_none()
    number, previous = (0, "") if found is None else (found[0], found[1])
    chained = []
    for entry in entries:
        number += 1
        numbered = structs.replace(entry, number=number, previous=previous, hash="")
        previous = entry_hash(numbered)
        chained.append(structs.replace(numbered, hash=previous))
    if chained:
        connection.execute(audit.insert(), [structs.asdict(entry) for entry in chained])
    return chained


def _entry(row: Mapping[Any, Any]) -> AuditEntry:
    return AuditEntry(**row)
