"""The statements about users."""

import uuid
from collections.abc import Container, Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.exc import IntegrityError

from footfall.state.records import User
from footfall.state.tables import users


class UserExists(Exception):
    """There is a user of this id already."""


class LastAdmin(Exception):
    """Without this user nobody would be left who may see everything."""


def add(connection: Connection, user: User) -> None:
    row = msgspec.structs.asdict(user) | {"customers": msgspec.json.encode(user.customers).decode()}
    try:
        connection.execute(users.insert().values(row))
    except IntegrityError as error:
        raise UserExists(f"user {user.id!r} exists already") from error


def get(connection: Connection, user_id: str) -> User | None:
    row = connection.execute(select(users).where(users.c.id == user_id)).one_or_none()
    return None if row is None else _user(row)


def of_account(connection: Connection, account: str) -> User | None:
    row = connection.execute(select(users).where(users.c.account == account)).one_or_none()
    return None if row is None else _user(row)


def list_all(connection: Connection) -> list[User]:
    found = [_user(row) for row in connection.execute(select(users))]
    # Sorted here, since each database has an order of letters of its own.
    return sorted(found, key=lambda user: user.id)


def set_password(connection: Connection, user_id: str, password_hash: str, replacing: str | None) -> bool:
    statement = update(users).where(users.c.id == user_id).values(password_hash=password_hash)
    if replacing is None:
        statement = statement.values(security_stamp=str(uuid.uuid4()))
    else:
        statement = statement.where(users.c.password_hash == replacing)
    return connection.execute(statement).rowcount == 1


def set_customers(connection: Connection, user_id: str, granted: Iterable[str], revoked: Container[str]) -> bool:
    # The row is locked, so that two changes at once are both kept.
    found = connection.scalar(select(users.c.customers).where(users.c.id == user_id).with_for_update())
    if found is None:
        return False
    before = msgspec.json.decode(found, type=tuple[str, ...])
    after = [code for code in dict.fromkeys([*before, *granted]) if code not in revoked]
    values = {"customers": msgspec.json.encode(after).decode()}
    connection.execute(update(users).where(users.c.id == user_id).values(values))
    return True


def remove(connection: Connection, user_id: str) -> bool:
    # The rows of all admins are locked, so that two removals at once cannot each rely on the other's admin.
    admins = connection.scalars(select(users.c.id).where(users.c.admin).with_for_update()).all()
    if list(admins) == [user_id]:
        raise LastAdmin(f"user {user_id!r} is the last admin: add another one first")
    return connection.execute(delete(users).where(users.c.id == user_id)).rowcount == 1


def _user(row: Row[Any]) -> User:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    fields["customers"] = msgspec.json.decode(fields["customers"], type=tuple[str, ...])
    return User(**fields)
