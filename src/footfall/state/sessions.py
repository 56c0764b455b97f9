"""The sessions: which browsers are signed in, and for whom."""

from typing import Any

import msgspec
from sqlalchemy import Row, delete, or_, select, update

from footfall.state.database import Database
from footfall.state.records import Session
from footfall.state.tables import sessions, users


class SessionRepository:
    """The sessions. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session, *, each_max: int, seen_before_ms: int, created_before_ms: int) -> None:
        """Add a session; the account's oldest ones above `each_max` end, and those from before the times."""
        mine = select(sessions.c.token_hash).where(sessions.c.account == session.account)
        newest_first = mine.order_by(sessions.c.created_ms.desc(), sessions.c.token_hash)
        with self._database.write() as connection:
            old = or_(sessions.c.seen_ms < seen_before_ms, sessions.c.created_ms < created_before_ms)
            connection.execute(delete(sessions).where(old))
            connection.execute(sessions.insert().values(msgspec.structs.asdict(session)))
            over = connection.scalars(newest_first.offset(each_max)).all()
            connection.execute(delete(sessions).where(sessions.c.token_hash.in_(over)))

    def get(self, token_hash: str) -> tuple[Session, str] | None:
        """A session and the id of its user; None when it has ended, by a removal or a new password too."""
        statement = (
            select(sessions, users.c.id)
            .join(users, users.c.account == sessions.c.account)
            .where(sessions.c.token_hash == token_hash, users.c.security_stamp == sessions.c.security_stamp)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
            return None if row is None else (_session(row), str(row.id))

    def of(self, account: str) -> list[Session]:
        """The sessions of an account that have not ended, the one that was used last first."""
        statement = (
            select(sessions)
            .join(users, users.c.account == sessions.c.account)
            .where(sessions.c.account == account, users.c.security_stamp == sessions.c.security_stamp)
            .order_by(sessions.c.seen_ms.desc(), sessions.c.token_hash)
        )
        with self._database.read() as connection:
            return [_session(row) for row in connection.execute(statement)]

    def see(self, token_hash: str, seen_ms: int) -> None:
        """Note the time of a session's use."""
        statement = update(sessions).where(sessions.c.token_hash == token_hash).values(seen_ms=seen_ms)
        with self._database.write() as connection:
            connection.execute(statement)

    def set_timezone(self, token_hash: str, timezone: str) -> None:
        """Keep another time zone with a session; one that has ended stays so."""
        statement = update(sessions).where(sessions.c.token_hash == token_hash).values(timezone=timezone)
        with self._database.write() as connection:
            connection.execute(statement)

    def remove(self, token_hash: str) -> None:
        """End one session."""
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    def remove_of(self, account: str) -> int:
        """End all sessions of an account; gives how many there were."""
        with self._database.write() as connection:
            return connection.execute(delete(sessions).where(sessions.c.account == account)).rowcount


def _session(row: Row[Any]) -> Session:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name
    return Session(**{name: found[name] for name in Session.__struct_fields__})
