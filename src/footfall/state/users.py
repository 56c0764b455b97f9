"""The users: who may sign in, and which customers they see."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import Connection, delete, exists, select, update
from sqlalchemy.exc import IntegrityError

from footfall.state.database import Database
from footfall.state.records import User
from footfall.state.tables import api_keys, identities, second_factors, users

_HAS_FACTOR = (
    exists()
    .where(second_factors.c.account == users.c.account, second_factors.c.confirmed)
    .correlate(users)
    .label("second_factor")
)


class UserExists(Exception):
    """There is a user of this id already."""


class LastAdmin(Exception):
    """Without this user nobody would be left who may see everything."""


class UserChange(Struct, frozen=True, kw_only=True):
    """What is changed of a user; what is UNSET stays."""

    admin: bool | UnsetType = UNSET
    monitor: bool | UnsetType = UNSET
    context: str | UnsetType = UNSET
    permissions: str | UnsetType | None = UNSET
    customers: tuple[str, ...] | UnsetType = UNSET


class UserRepository:
    """The users. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user: User) -> None:
        """Add a user; raises UserExists."""
        with self._database.write() as connection:
            insert_user(connection, user)

    def get(self, user_id: str) -> User | None:
        """The user of this name, who alone of all these calls tells of the `second_factor`."""
        with self._database.read() as connection:
            row = connection.execute(select(users, _HAS_FACTOR).where(users.c.id == user_id)).mappings().one_or_none()
            return None if row is None else read_user(row)

    def with_account(self, account: str) -> User | None:
        """The user whose account it is; None once they are removed, whoever has their name since."""
        with self._database.read() as connection:
            row = connection.execute(select(users).where(users.c.account == account)).mappings().one_or_none()
            return None if row is None else read_user(row)

    def all(self) -> list[User]:
        """All users, ordered by id."""
        with self._database.read() as connection:
            found = [read_user(row) for row in connection.execute(select(users)).mappings()]
        # Sorted here, since each database has an order of letters of its own.
        return sorted(found, key=lambda user: user.id)

    def set_password(self, user_id: str, password_hash: str, *, replacing: str | None = None) -> bool:
        """Set the hash of a new password, which ends the links that stood on the old one. False when there is no user.

        With `replacing` it is another hash of the same password, and set only over that one.
        """
        statement = update(users).where(users.c.id == user_id).values(password_hash=password_hash)
        if replacing is None:
            statement = statement.values(security_stamp=str(uuid.uuid4()))
        else:
            statement = statement.where(users.c.password_hash == replacing)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def change_customers(self, user_id: str, granted: Collection[str] = (), revoked: Collection[str] = ()) -> bool:
        """Let a user see the customers granted, and those revoked no longer; False when there is no such user."""
        with self._database.write() as connection:
            # The row is locked, so that two changes at once are both kept.
            found = connection.scalar(select(users.c.customers).where(users.c.id == user_id).with_for_update())
            if found is None:
                return False
            before = msgspec.json.decode(found, type=tuple[str, ...])
            after = [code for code in dict.fromkeys([*before, *granted]) if code not in revoked]
            values = {"customers": msgspec.json.encode(after).decode()}
            connection.execute(update(users).where(users.c.id == user_id).values(values))
            return True

    def change(self, user_id: str, change: UserChange) -> bool:
        """Change what is given of a user; False when there is none. Raises LastAdmin."""
        values = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
        if change.customers is not UNSET:
            values["customers"] = msgspec.json.encode(change.customers).decode()
        with self._database.write() as connection:
            if change.admin is False:
                require_other_admin(connection, user_id)
            if change.admin is True:
                values["products"] = "[]"
            return connection.execute(update(users).where(users.c.id == user_id).values(values)).rowcount == 1

    def remove(self, user_id: str) -> bool:
        """Remove a user with their keys, second factor and identity. False when there is none; raises LastAdmin."""
        with self._database.write() as connection:
            require_other_admin(connection, user_id)
            owned = select(users.c.account).where(users.c.id == user_id).scalar_subquery()
            for table in (api_keys, second_factors, identities):
                connection.execute(delete(table).where(table.c.account == owned))
            return connection.execute(delete(users).where(users.c.id == user_id)).rowcount == 1


def insert_user(connection: Connection, user: User) -> None:
    """Add a user within a transaction; raises UserExists."""
    row = msgspec.structs.asdict(user)
    row |= {name: msgspec.json.encode(row[name]).decode() for name in ("customers", "products")}
    del row["second_factor"]  # has a table of its own
    try:
        connection.execute(users.insert().values(row))
    except IntegrityError as error:
        raise UserExists(f"user {user.id!r} exists already") from error


def require_other_admin(connection: Connection, user_id: str) -> None:
    """Raise LastAdmin when this user is the only admin."""
    # The rows of all admins are locked, so that two changes at once cannot each rely on the other's admin.
    admins = connection.scalars(select(users.c.id).where(users.c.admin).with_for_update()).all()
    if list(admins) == [user_id]:
        raise LastAdmin(f"user {user_id!r} is the last admin: make another one first")


def read_user(columns: Mapping[Any, Any]) -> User:
    """The user whom a row of the table `users` is."""
    fields = dict(columns)
    fields["second_factor"] = bool(fields.get("second_factor"))
    for name in ("customers", "products"):
        fields[name] = msgspec.json.decode(fields[name], type=tuple[str, ...])
    return User(**fields)
