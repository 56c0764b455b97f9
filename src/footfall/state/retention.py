"""What is past the time for which its product and type are kept: cutoffs, each node's share, and runs in the store.

A cutoff stays when its rule is changed or dropped: it is what keeps a late retry, a restore or a rebuild from bringing
back what has gone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection, Row, case, func, select, update

from footfall.settings.retention import EventPattern
from footfall.state.database import Database, insert
from footfall.state.removal_tables import retention_cutoffs, retention_runs, retention_shares

# Before the time of any event.
NEVER_MS = -(2**63)
# Runs that are kept: of more than a year, in which there is one a day.
_RUNS_KEPT = 400


class CutoffScope(Struct, frozen=True):
    """The events of a pattern, but not those of patterns before it; kept for so many days."""

    pattern: EventPattern
    but: tuple[EventPattern, ...]
    days: int

    def takes(self, product: str, type_: str) -> bool:
        """Whether an event of this product and type is one of them."""
        return self.pattern.takes(product, type_) and not any(one.takes(product, type_) for one in self.but)


class RetentionCutoff(Struct, frozen=True, kw_only=True):
    """Events of a scope are past when their time is not after `until_ms`.

    Of a cutoff that is not in force any more, those alone that were received up to `received_ms`: what comes later was
    sent under other rules. `stored_ms` is up to when the store has none of them. `removed` counts events that the store
    had, `kept_out` those that came too late.
    """

    id: str
    scope: CutoffScope
    is_in_force: bool = True
    until_ms: int
    received_ms: int = 0
    changed_ms: int
    stored_ms: int = NEVER_MS
    removed: int = 0
    kept_out: int = 0


class RetentionRun(Struct, frozen=True, kw_only=True):
    """One removal from the store: up to when, by cutoff, and what it is about to remove as JSON."""

    started_ms: int
    goal: dict[str, int]
    touched: str
    events: int
    ended_ms: int | None = None


class RetentionRepository:
    """The cutoffs. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[RetentionCutoff]:
        """All cutoffs, those in force first, then by id."""
        with self._database.read() as connection:
            return _all(connection)

    def version(self) -> tuple[int, ...]:
        """Something that changes with what is past."""
        columns = retention_cutoffs.c
        sums = [
            func.coalesce(func.sum(each), 0)
            for each in (columns.until_ms, columns.received_ms, case((columns.is_in_force, 1), else_=0))
        ]
        with self._database.read() as connection:
            return tuple(int(value) for value in connection.execute(select(func.count(), *sums)).one())

    def put_in_force(self, cutoffs: Iterable[RetentionCutoff], now_ms: int) -> None:
        """Have these cutoffs be in force, and no other; none is lowered."""
        wanted = {one.id: one for one in cutoffs}
        with self._database.write() as connection:
            known = {one.id: one for one in _all(connection)}
            for one in known.values():
                if one.is_in_force and one.id not in wanted:
                    _change(connection, one.id, is_in_force=False, received_ms=now_ms, changed_ms=now_ms)
            for one in wanted.values():
                before = known.get(one.id)
                if before is None:
                    _add(connection, one)
                elif not before.is_in_force or before.until_ms < one.until_ms:
                    until_ms = max(before.until_ms, one.until_ms)
                    _change(connection, one.id, is_in_force=True, until_ms=until_ms, changed_ms=now_ms)
                    if not before.is_in_force:
                        # What was received between the two times of force was kept, and is to go now.
                        _change(connection, one.id, stored_ms=NEVER_MS)
                        connection.execute(retention_shares.delete().where(retention_shares.c.cutoff == one.id))

    def raise_until(self, cutoff_id: str, until_ms: int, now_ms: int) -> None:
        """Have events up to this time be past too; a cutoff is never lowered."""
        mine = (retention_cutoffs.c.id == cutoff_id) & (retention_cutoffs.c.until_ms < until_ms)
        with self._database.write() as connection:
            connection.execute(update(retention_cutoffs).where(mine).values(until_ms=until_ms, changed_ms=now_ms))

    def merge(self, cutoffs: Iterable[RetentionCutoff]) -> None:
        """Take over cutoffs that are later than those that are here, such as those beside a backup."""
        with self._database.write() as connection:
            known = {one.id: one for one in _all(connection)}
            for one in cutoffs:
                before = known.get(one.id)
                if before is None:
                    _add(connection, one)
                    continue
                until_ms, received_ms = max(before.until_ms, one.until_ms), max(before.received_ms, one.received_ms)
                state = {"is_in_force": one.is_in_force, "changed_ms": max(before.changed_ms, one.changed_ms)}
                _change(connection, one.id, until_ms=until_ms, received_ms=received_ms, **state)

    def count_kept_out(self, cutoff_id: str, events: int) -> None:
        """Count events that came too late."""
        counted = update(retention_cutoffs).where(retention_cutoffs.c.id == cutoff_id)
        with self._database.write() as connection:
            connection.execute(counted.values(kept_out=retention_cutoffs.c.kept_out + events))

    def put_share(self, node: str, goal: Mapping[str, int]) -> None:
        """Note up to when, by cutoff, a node's own files have nothing."""
        with self._database.write() as connection:
            for cutoff, until_ms in goal.items():
                statement = insert(connection, retention_shares).values(cutoff=cutoff, node=node, until_ms=until_ms)
                now = {"until_ms": until_ms}
                connection.execute(statement.on_conflict_do_update(index_elements=["cutoff", "node"], set_=now))

    def share(self, node: str) -> dict[str, int]:
        """Up to when, by cutoff, a node's own files have nothing."""
        columns = retention_shares.c
        with self._database.read() as connection:
            found = connection.execute(select(columns.cutoff, columns.until_ms).where(columns.node == node))
            return {str(cutoff): int(until_ms) for cutoff, until_ms in found}

    def begin_run(self, run: RetentionRun) -> None:
        """Write down what is about to be removed from the store; not while another run goes on."""
        with self._database.write() as connection:
            if _open_run(connection) is None:
                values = structs.asdict(run) | {"goal": msgspec.json.encode(run.goal).decode()}
                connection.execute(insert(connection, retention_runs).values(values).on_conflict_do_nothing())

    def open_run(self) -> RetentionRun | None:
        """The run that goes on."""
        with self._database.read() as connection:
            return _open_run(connection)

    def end_run(self, run: RetentionRun, removed: Mapping[str, int], now_ms: int) -> None:
        """Note that the store has nothing up to the run's goal, and how many events it had, by cutoff."""
        columns = retention_cutoffs.c
        mine = (retention_runs.c.started_ms == run.started_ms) & retention_runs.c.ended_ms.is_(None)
        with self._database.write() as connection:
            # What was touched matters no more.
            done = {"ended_ms": now_ms, "touched": "[]"}
            if not connection.execute(update(retention_runs).where(mine).values(done)).rowcount:
                return
            for cutoff, until_ms in run.goal.items():
                counted = {"removed": columns.removed + removed.get(cutoff, 0)}
                connection.execute(
                    update(retention_cutoffs)
                    .where((columns.id == cutoff) & (columns.stored_ms < until_ms))
                    .values(stored_ms=until_ms, **counted)
                )
            ended = select(retention_runs.c.started_ms).order_by(retention_runs.c.started_ms.desc())
            for (started_ms,) in connection.execute(ended.offset(_RUNS_KEPT)).all():
                connection.execute(retention_runs.delete().where(retention_runs.c.started_ms == started_ms))

    def runs(self, limit: int) -> list[RetentionRun]:
        """The newest runs, the newest first."""
        statement = select(retention_runs).order_by(retention_runs.c.started_ms.desc()).limit(limit)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(statement)]


def _all(connection: Connection) -> list[RetentionCutoff]:
    columns = retention_cutoffs.c
    return [
        _cutoff(row)
        for row in connection.execute(select(retention_cutoffs).order_by(columns.is_in_force.desc(), columns.id))
    ]


def _add(connection: Connection, one: RetentionCutoff) -> None:
    values = structs.asdict(one) | {"scope": msgspec.json.encode(one.scope).decode()}
    connection.execute(insert(connection, retention_cutoffs).values(values).on_conflict_do_nothing())


def _change(connection: Connection, cutoff_id: str, **values: Any) -> None:
    connection.execute(update(retention_cutoffs).where(retention_cutoffs.c.id == cutoff_id).values(values))


def _open_run(connection: Connection) -> RetentionRun | None:
    statement = select(retention_runs).where(retention_runs.c.ended_ms.is_(None)).limit(1)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _run(row)


def _cutoff(row: Row[Any]) -> RetentionCutoff:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    fields["scope"] = msgspec.json.decode(fields["scope"], type=CutoffScope)
    return RetentionCutoff(**fields)


def _run(row: Row[Any]) -> RetentionRun:
    fields = dict(row._mapping)  # noqa: SLF001 - as above
    fields["goal"] = msgspec.json.decode(fields["goal"], type=dict[str, int])
    return RetentionRun(**fields)
