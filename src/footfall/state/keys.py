"""The keys of programs: made, found by their digest, rotated, revoked."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, delete, func, or_, select, update

from footfall.state.database import Database, may_be_id
from footfall.state.records import ApiKey, User
from footfall.state.tables import api_keys, users
from footfall.state.users import read_user

_LISTS: Final = ("scopes", "customers", "products")
_KEY: Final = tuple(column.label(f"key_{column.name}") for column in api_keys.c)


class TooManyKeys(Exception):
    """The user has as many keys as one may have."""


class KeyRepository:
    """The keys. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey, keys_max: int, expired_before_ms: int) -> None:
        """Add a key, and forget those of its user that expired before a time. Raises TooManyKeys."""
        with self._database.write() as connection:
            _lock_account(connection, key.account)
            old = and_(api_keys.c.account == key.account, api_keys.c.expires_ms < expired_before_ms)
            connection.execute(delete(api_keys).where(old))
            _require_room(connection, key.account, keys_max)
            connection.execute(api_keys.insert().values(_row(key)))

    def rotate(self, key: ApiKey, old_until_ms: int, keys_max: int) -> bool:
        """Add a key for the one that it `replaces`, which ends at a time or earlier; False when that one is gone."""
        with self._database.write() as connection:
            _lock_account(connection, key.account)
            old = and_(api_keys.c.id == key.replaces, api_keys.c.account == key.account)
            ends_ms = connection.scalars(select(api_keys.c.expires_ms).where(old)).all()
            if not ends_ms:
                return False
            _require_room(connection, key.account, keys_max)
            until_ms = min([old_until_ms, *(ms for ms in ends_ms if ms is not None)])
            connection.execute(update(api_keys).where(old).values(expires_ms=until_ms))
            connection.execute(api_keys.insert().values(_row(key)))
            return True

    def find(self, digest: str) -> tuple[User, ApiKey] | None:
        """The key with this digest, expired or not, and its user."""
        statement = select(users, *_KEY).join(api_keys, api_keys.c.account == users.c.account)
        with self._database.read() as connection:
            row = connection.execute(statement.where(api_keys.c.digest == digest)).mappings().one_or_none()
            return None if row is None else _both(row)

    def get(self, key_id: str) -> tuple[User, ApiKey] | None:
        """The key with this id, expired or not, and its user."""
        if not may_be_id(key_id):
            return None
        statement = select(users, *_KEY).join(api_keys, api_keys.c.account == users.c.account)
        with self._database.read() as connection:
            row = connection.execute(statement.where(api_keys.c.id == key_id)).mappings().one_or_none()
            return None if row is None else _both(row)

    def page(self, account: str | None, after: str, limit: int) -> list[tuple[User, ApiKey]]:
        """Keys of an account, or of all, with their users, ordered by id: those after `after`."""
        statement = select(users, *_KEY).join(api_keys, api_keys.c.account == users.c.account)
        if account is not None:
            statement = statement.where(api_keys.c.account == account)
        statement = statement.where(api_keys.c.id > after).order_by(api_keys.c.id).limit(limit)
        with self._database.read() as connection:
            return [_both(row) for row in connection.execute(statement).mappings()]

    def sending(self, now_ms: int) -> list[tuple[User, ApiKey]]:
        """All keys with the scope `send` that have not expired, with their users."""
        statement = select(users, *_KEY).join(api_keys, api_keys.c.account == users.c.account)
        lasting = or_(api_keys.c.expires_ms.is_(None), api_keys.c.expires_ms > now_ms)
        with self._database.read() as connection:
            found = [_both(row) for row in connection.execute(statement.where(lasting)).mappings()]
        return [(user, key) for user, key in found if "send" in key.scopes]

    def note_use(self, key_id: str, now_ms: int, period_ms: int) -> None:
        """Note that the key was used, unless that was noted within `period_ms`."""
        stale = or_(api_keys.c.used_ms.is_(None), api_keys.c.used_ms <= now_ms - period_ms)
        statement = update(api_keys).where(api_keys.c.id == key_id, stale).values(used_ms=now_ms)
        with self._database.write() as connection:
            connection.execute(statement)

    def remove(self, key_id: str) -> bool:
        """Revoke a key; False when there is none."""
        with self._database.write() as connection:
            return connection.execute(delete(api_keys).where(api_keys.c.id == key_id)).rowcount == 1


def _lock_account(connection: Connection, account: str) -> None:
    """Have changes of one user's keys wait for each other."""
    connection.execute(select(users.c.id).where(users.c.account == account).with_for_update())


def _require_room(connection: Connection, account: str, keys_max: int) -> None:
    count = select(func.count()).select_from(api_keys).where(api_keys.c.account == account)
    if (connection.scalar(count) or 0) >= keys_max:
        raise TooManyKeys(f"there are {keys_max} keys of this user, and no more may be")


def _row(key: ApiKey) -> dict[str, Any]:
    row = msgspec.structs.asdict(key)
    return row | {name: msgspec.json.encode(row[name]).decode() for name in _LISTS}


def _key(row: Mapping[Any, Any]) -> ApiKey:
    fields = {column.name: row[f"key_{column.name}"] for column in api_keys.c}
    lists = {name: msgspec.json.decode(fields[name], type=tuple[str, ...]) for name in _LISTS}
    return ApiKey(**(fields | lists))


def _both(row: Mapping[Any, Any]) -> tuple[User, ApiKey]:
    return read_user({name: value for name, value in row.items() if not name.startswith("key_")}), _key(row)
