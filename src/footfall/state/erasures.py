"""Erasures of persons: the orders, what each node has done of them, and the places of backups.

The rows stay after the work: they are what keeps a late retry, a restore or a rebuild from bringing a person back.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct, field, structs
from sqlalchemy import Column, Row, false, func, select, update

from footfall.state.database import Database, insert, may_be_id
from footfall.state.records import JobStatus
from footfall.state.removal_tables import backup_places, erasure_shares, erasures
from footfall.state.tables import jobs, schedules, shares, views

# Stands before the path of a copy that an upgrade has left, among the places of backups.
COPY_PREFIX: Final = "copy of an upgrade: "


class ErasurePhase(StrEnum):
    """How far an erasure is: the nodes clean their files, then one of them the store and all others have."""

    FILES = "files"
    STORE = "store"
    DONE = "done"


class ErasureMode(StrEnum):
    """Whether a person's events are removed, or the person's value in them is replaced."""

    ERASE = "erase"
    PSEUDONYMISE = "pseudonymise"


class ErasurePlace(Struct, frozen=True):
    """A place of the context, counted from 1, of a product's events of these types.

    Without a product, of all events of products that the plan does not know.
    """

    position: int
    product: str = ""
    types: tuple[str, ...] = ()


class ErasureRule(Struct, frozen=True, kw_only=True):
    """Where a person's value stands: the places of its context `key`, as the plan had them when it was ordered.

    No `customers` and no `products` are all. `planned` are the products that the plan knew.
    """

    key: str
    places: tuple[ErasurePlace, ...]
    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()


class Erasure(Struct, frozen=True, kw_only=True):
    """A person who is erased. `digest` is that of the value, in hexadecimal; the value itself is kept nowhere.

    Events up to `cut_ms`, and those received up to `ordered_ms`, are erased; later ones are of a person who came back.
    `kept_out` counts events that came after the order. `receipt` is JSON.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    digest: str
    rule: ErasureRule
    mode: ErasureMode = ErasureMode.ERASE
    pseudonym: str = ""
    ordered_by: str
    ordered_ms: int
    cut_ms: int
    phase: ErasurePhase = ErasurePhase.FILES
    ended_ms: int | None = None
    kept_out: int = 0
    receipt: str = "{}"


class ErasureShare(Struct, frozen=True):
    """What a node has done of an erasure in its own files; `result` is JSON."""

    erasure: str
    node: str
    done_ms: int
    result: str


class KeptCondition(Struct, frozen=True):
    """JSON that may have conditions on contexts, in a column, by the name that receipts have for its row.

    `is_at_work` is that of a report that is being made.
    """

    column: str
    id: str
    name: str
    text: str
    is_at_work: bool = False


_CONDITIONS: Final[Mapping[str, tuple[str, Column[Any]]]] = {
    "filter": ("the report JOB-", jobs.c.filter),
    "manifest": ("the report JOB-", jobs.c.manifest),
    "schedule": ("the schedule ", schedules.c.body),
    "view": ("the view ", views.c.parameters),
    "share": ("the shared link ", shares.c.parameters),
}


class ErasureRepository:
    """The erasures. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, ordered: Iterable[Erasure]) -> int:
        """Add erasures, but not those that are there; returns how many were added."""
        with self._database.write() as connection:
            return sum(
                connection.execute(
                    insert(connection, erasures).values(_row(one)).on_conflict_do_nothing(index_elements=["id"])
                ).rowcount
                for one in ordered
            )

    def get(self, erasure_id: str) -> Erasure | None:
        if not may_be_id(erasure_id):
            return None
        with self._database.read() as connection:
            row = connection.execute(select(erasures).where(erasures.c.id == erasure_id)).one_or_none()
            return None if row is None else _erasure(row)

    def all(self) -> list[Erasure]:
        """All erasures, the oldest first."""
        with self._database.read() as connection:
            return [
                _erasure(row)
                for row in connection.execute(select(erasures).order_by(erasures.c.ordered_ms, erasures.c.id))
            ]

    def unfinished(self) -> list[Erasure]:
        """The erasures that are not done, the oldest first."""
        waiting = select(erasures).where(erasures.c.phase != ErasurePhase.DONE)
        with self._database.read() as connection:
            found = connection.execute(waiting.order_by(erasures.c.ordered_ms, erasures.c.id))
            return [_erasure(row) for row in found]

    def newest(self, limit: int) -> list[Erasure]:
        """The newest erasures, the newest first."""
        statement = select(erasures).order_by(erasures.c.ordered_ms.desc(), erasures.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_erasure(row) for row in connection.execute(statement)]

    def version(self) -> tuple[int, int]:
        """Something that changes with what is to be kept out: the number of erasures, and the sum of their cuts."""
        statement = select(func.count(), func.coalesce(func.sum(erasures.c.cut_ms), 0))
        with self._database.read() as connection:
            count, cuts = connection.execute(statement).one()
            return int(count), int(cuts)

    def raise_cut(self, erasure_id: str, cut_ms: int) -> None:
        """Have events up to this time be erased too; a cut is never lowered."""
        mine = (erasures.c.id == erasure_id) & (erasures.c.cut_ms < cut_ms)
        with self._database.write() as connection:
            connection.execute(update(erasures).where(mine).values(cut_ms=cut_ms))

    def count_kept_out(self, erasure_id: str, events: int) -> None:
        """Count events of the person that came in after the order."""
        counted = update(erasures).where(erasures.c.id == erasure_id)
        with self._database.write() as connection:
            connection.execute(counted.values(kept_out=erasures.c.kept_out + events))

    def advance(self, erasure_id: str, phase: ErasurePhase, receipt: str, ended_ms: int | None = None) -> None:
        """Note how far an erasure is, and what was done."""
        now = {"phase": phase, "receipt": receipt, "ended_ms": ended_ms}
        with self._database.write() as connection:
            connection.execute(update(erasures).where(erasures.c.id == erasure_id).values(now))

    def put_shares(self, shares: Sequence[ErasureShare]) -> None:
        """Note what a node has done."""
        with self._database.write() as connection:
            for share in shares:
                now = {"done_ms": share.done_ms, "result": share.result}
                statement = insert(connection, erasure_shares).values(structs.asdict(share))
                connection.execute(statement.on_conflict_do_update(index_elements=["erasure", "node"], set_=now))

    def shares(self, erasure_id: str) -> list[ErasureShare]:
        """What the nodes have done of an erasure, ordered by node."""
        statement = select(erasure_shares).where(erasure_shares.c.erasure == erasure_id)
        with self._database.read() as connection:
            found = connection.execute(statement.order_by(erasure_shares.c.node))
            return [ErasureShare(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name

    def without_share(self, node: str) -> list[str]:
        """The ids of the erasures of which a node has not done its share, done ones too: it may have been away."""
        mine = select(erasure_shares.c.erasure).where(erasure_shares.c.node == node)
        with self._database.read() as connection:
            return list(connection.scalars(select(erasures.c.id).where(erasures.c.id.not_in(mine))))

    def conditions(self) -> Iterator[KeptCondition]:
        """Whatever may have a condition on contexts."""
        at_work = jobs.c.status == JobStatus.RUNNING
        with self._database.read() as connection:
            for kind, (what, column) in _CONDITIONS.items():
                table = column.table
                is_at_work = at_work if table is jobs else false()
                statement = select(table.c.id, column, is_at_work).where(column.is_not(None)).order_by(table.c.id)
                for found, text, running in connection.execute(statement, execution_options={"yield_per": 500}):
                    yield KeptCondition(kind, str(found), f"{what}{found}", str(text), bool(running))

    def rewrite(self, kept: KeptCondition, text: str) -> bool:
        """Put another JSON in the place of one; False where it has changed, or its report is being made."""
        _, column = _CONDITIONS[kept.column]
        table = column.table
        mine = (table.c.id == kept.id) & (column == kept.text)
        if table is jobs:
            mine &= jobs.c.status != JobStatus.RUNNING
        with self._database.write() as connection:
            return connection.execute(update(table).where(mine).values({column.name: text})).rowcount > 0

    def note_backup(self, place: str) -> None:
        """Note that a backup is written to a place."""
        with self._database.write() as connection:
            statement = insert(connection, backup_places).values(place=place)
            connection.execute(statement.on_conflict_do_nothing(index_elements=["place"]))

    def backups(self) -> list[str]:
        """The places to which backups were written."""
        with self._database.read() as connection:
            return list(connection.scalars(select(backup_places.c.place).order_by(backup_places.c.place)))


def _row(one: Erasure) -> dict[str, Any]:
    return structs.asdict(one) | {"rule": msgspec.json.encode(one.rule).decode()}


def _erasure(row: Row[Any]) -> Erasure:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    fields["rule"] = msgspec.json.decode(fields["rule"], type=ErasureRule)
    fields["mode"], fields["phase"] = ErasureMode(fields["mode"]), ErasurePhase(fields["phase"])
    return Erasure(**fields)
