"""The identities: which accounts are whose at an identity provider."""

import uuid
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.exc import IntegrityError

from footfall.state.database import Database
from footfall.state.records import User, UserRights
from footfall.state.tables import identities, users
from footfall.state.users import insert_user, read_user, require_other_admin


class IdentityTaken(Exception):
    """The identity, or the account, has another one already."""


class IdentityRepository:
    """The identities. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, issuer: str, subject: str) -> User | None:
        """The user whom the issuer calls by this subject; None for a stranger."""
        statement = (
            select(users)
            .join(identities, identities.c.account == users.c.account)
            .where(identities.c.issuer == issuer, identities.c.subject == subject)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
            return None if row is None else read_user(row)

    def add(self, user: User, issuer: str, subject: str, now_ms: int) -> None:
        """Add a user with an identity, both or none. Raises UserExists and IdentityTaken."""
        with self._database.write() as connection:
            insert_user(connection, user)
            _link(connection, user.account, issuer, subject, now_ms)

    def link(self, user_id: str, issuer: str, subject: str, now_ms: int) -> bool:
        """Give a user who is there an identity; False when there is no such user. Raises IdentityTaken."""
        with self._database.write() as connection:
            account = connection.scalar(select(users.c.account).where(users.c.id == user_id).with_for_update())
            if account is None:
                return False
            if connection.scalar(select(identities.c.subject).where(identities.c.account == account)) is not None:
                raise IdentityTaken(f"user {user_id!r} has an identity already")
            _link(connection, account, issuer, subject, now_ms)
            return True

    def unlink(self, user_id: str) -> bool:
        """Take a user's identity away, and end the sessions; False when the user has none."""
        with self._database.write() as connection:
            account = select(users.c.account).where(users.c.id == user_id).scalar_subquery()
            if not connection.execute(delete(identities).where(identities.c.account == account)).rowcount:
                return False
            _end_sessions(connection, user_id)
            return True

    def set_rights(self, user_id: str, rights: UserRights, *, end_sessions: bool = False) -> bool:
        """Give a user these rights in place of those before; False when there is no such user. Raises LastAdmin."""
        values: dict[str, Any] = msgspec.structs.asdict(rights)
        values |= {name: msgspec.json.encode(values[name]).decode() for name in ("customers", "products")}
        with self._database.write() as connection:
            if not rights.admin:
                require_other_admin(connection, user_id)
            done = connection.execute(update(users).where(users.c.id == user_id).values(values)).rowcount == 1
            if done and end_sessions:
                _end_sessions(connection, user_id)
            return done


def _link(connection: Connection, account: str, issuer: str, subject: str, now_ms: int) -> None:
    values = {"issuer": issuer, "subject": subject, "account": account, "created_ms": now_ms}
    try:
        connection.execute(identities.insert().values(values))
    except IntegrityError as error:
        raise IdentityTaken("the provider's subject belongs to another user already") from error


def _end_sessions(connection: Connection, user_id: str) -> None:
    """End all sessions and links of a user, as a new password does."""
    connection.execute(update(users).where(users.c.id == user_id).values(security_stamp=str(uuid.uuid4())))
