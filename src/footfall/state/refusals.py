"""Which events and requests were refused, by kind: how many, the first and the last time.

Senders choose the names in it, so there may be any number of kinds: past a bound those with the fewest events are
forgotten, so that what software sends again and again stays whatever a stranger makes up.
"""

import hashlib
from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, delete, func, select

from footfall.state.database import Database, insert
from footfall.state.records import RefusedKind
from footfall.state.tables import refused_kinds
from footfall.windows import DAY_MS

# A kind that did not come for a quarter of a year is forgotten: the software was mended.
KEPT_MS = 90 * DAY_MS


class RefusalRepository:
    """The kinds. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, kinds: Iterable[RefusedKind], now_ms: int, most: int) -> None:
        """Add events to their kinds, and forget the kinds that are old or more than `most`."""
        table = refused_kinds
        # In one order, so that two processes never wait for each other.
        rows = sorted(((_id(kind), kind) for kind in kinds), key=lambda pair: pair[0])
        with self._database.write() as connection:
            for kind_id, kind in rows:
                statement = insert(connection, table).values(id=kind_id, **msgspec.structs.asdict(kind))
                more = {"events": table.c.events + statement.excluded.events, "last_ms": statement.excluded.last_ms}
                connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=more))
            connection.execute(delete(table).where(table.c.last_ms < now_ms - KEPT_MS))
            over = (connection.scalar(select(func.count()).select_from(table)) or 0) - most
            if over > 0:
                fewest = select(table.c.id).order_by(table.c.events, table.c.last_ms, table.c.id).limit(over)
                connection.execute(delete(table).where(table.c.id.in_(fewest)))

    def all(self, limit: int, code: str = "") -> list[RefusedKind]:
        """The kinds, or those with this code, those with most events first."""
        return self._select(limit, refused_kinds.c.events.desc(), code)

    def newest(self, limit: int) -> list[RefusedKind]:
        """The kinds, those that came last first."""
        return self._select(limit, refused_kinds.c.last_ms.desc(), "")

    def _select(self, limit: int, first: ColumnElement[int], code: str) -> list[RefusedKind]:
        table = refused_kinds
        columns = [column for column in table.c if column.name != "id"]
        statement = select(*columns).order_by(first, table.c.last_ms.desc(), table.c.id).limit(limit)
        if code:
            statement = statement.where(table.c.code == code)
        with self._database.read() as connection:
            rows = connection.execute(statement)
            return [RefusedKind(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented name


def _id(kind: RefusedKind) -> str:
    texts = kind.customer, kind.product, kind.type, kind.code, kind.place, kind.reason
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
