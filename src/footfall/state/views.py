"""The saved views, and the links that show one without a sign-in."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from msgspec import structs
from sqlalchemy import Row, and_, delete, func, or_, select, true, update

from footfall.state.database import Database, may_be_id
from footfall.state.records import SavedView, Share
from footfall.state.tables import shares, users, views

# Views and links of a list, of 16 KiB each at the most: an admin sees those of all customers, however many there are.
LISTED_MAX: Final = 1_000


class TooManyViews(Exception):
    """The user has as many views as one may have."""


class TooManyShares(Exception):
    """The user has as many links as one may have."""


class ViewRepository:
    """The views. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, view: SavedView, most: int) -> SavedView:
        """Save a view, over the one of the same owner, customer and name; raises TooManyViews at `most` of an owner."""
        same = and_(views.c.account == view.account, views.c.customer == view.customer, views.c.name == view.name)
        with self._database.write() as connection:
            # The owner's row is locked, so that two at once cannot both be the first of this name.
            connection.execute(select(users.c.id).where(users.c.account == view.account).with_for_update())
            found = connection.execute(select(views).where(same)).one_or_none()
            if found is not None:
                kept = structs.replace(view, id=found.id, created_ms=found.created_ms)
                connection.execute(update(views).where(views.c.id == found.id).values(_view_row(kept)))
                return kept
            if _count(connection, views, view.account) >= most:
                raise TooManyViews
            connection.execute(views.insert().values(_view_row(view)))
            return view

    def get(self, view_id: str) -> SavedView | None:
        if not may_be_id(view_id):
            return None
        with self._database.read() as connection:
            row = connection.execute(select(views).where(views.c.id == view_id)).one_or_none()
            return None if row is None else _view(row)

    def visible(self, account: str, customers: Collection[str] | None, name: str | None = None) -> list[SavedView]:
        """The account's views and those for all of `customers` (None: of all customers), by name, the account's first.

        With a `name`, only those that have it. At most LISTED_MAX.
        """
        shown = views.c.customer.in_(customers) if customers is not None else views.c.customer != ""
        statement = (
            select(views)
            .where(or_(views.c.account == account, shown), true() if name is None else views.c.name == name)
            .order_by(views.c.name, views.c.customer != "", views.c.account != account, views.c.id)
            .limit(LISTED_MAX)
        )
        with self._database.read() as connection:
            return [_view(row) for row in connection.execute(statement)]

    def remove(self, view_id: str) -> bool:
        """Remove a view; False when there is none."""
        with self._database.write() as connection:
            return connection.execute(delete(views).where(views.c.id == view_id)).rowcount == 1


class ShareRepository:
    """The shared links. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, share: Share, most: int) -> None:
        """Add a link, and forget those of the same owner that have expired; raises TooManyShares at `most`."""
        expired = and_(shares.c.account == share.account, shares.c.expires_ms < share.created_ms)
        with self._database.write() as connection:
            connection.execute(select(users.c.id).where(users.c.account == share.account).with_for_update())
            connection.execute(delete(shares).where(expired))
            if _count(connection, shares, share.account) >= most:
                raise TooManyShares
            row = structs.asdict(share) | {
                "parameters": msgspec.json.encode(share.parameters).decode(),
                "origins": msgspec.json.encode(share.origins).decode(),
            }
            row["user_id"] = row.pop("user")
            connection.execute(shares.insert().values(row))

    def get(self, share_id: str) -> Share | None:
        if not may_be_id(share_id):
            return None
        with self._database.read() as connection:
            row = connection.execute(select(shares).where(shares.c.id == share_id)).one_or_none()
            return None if row is None else _share(row)

    def with_hash(self, token_hash: str) -> Share | None:
        """The link whose token has this hash."""
        with self._database.read() as connection:
            row = connection.execute(select(shares).where(shares.c.token_hash == token_hash)).one_or_none()
            return None if row is None else _share(row)

    def all(self, account: str | None, now_ms: int) -> list[Share]:
        """The links of an account, or of all for None, that have not expired; the newest first."""
        owned = true() if account is None else shares.c.account == account
        newest = shares.c.created_ms.desc(), shares.c.id
        statement = select(shares).where(owned, shares.c.expires_ms >= now_ms).order_by(*newest).limit(LISTED_MAX)
        with self._database.read() as connection:
            return [_share(row) for row in connection.execute(statement)]

    def remove(self, share_id: str) -> bool:
        """Remove a link, which ends it; False when there is none."""
        with self._database.write() as connection:
            return connection.execute(delete(shares).where(shares.c.id == share_id)).rowcount == 1


def _count(connection: Any, table: Any, account: str) -> int:
    return connection.scalar(select(func.count()).where(table.c.account == account)) or 0


def _view_row(view: SavedView) -> dict[str, Any]:
    row = structs.asdict(view) | {"parameters": msgspec.json.encode(view.parameters).decode()}
    row["user_id"] = row.pop("user")
    return row


def _fields(row: Row[Any]) -> dict[str, Any]:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name
    fields["user"] = fields.pop("user_id")
    fields["parameters"] = msgspec.json.decode(fields["parameters"], type=dict[str, list[str]])
    return fields


def _view(row: Row[Any]) -> SavedView:
    return SavedView(**_fields(row))


def _share(row: Row[Any]) -> Share:
    fields = _fields(row)
    fields["origins"] = msgspec.json.decode(fields["origins"], type=tuple[str, ...])
    return Share(**fields)
