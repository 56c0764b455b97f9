"""Second factors: the secret of a user's codes, the last code that was used, and recovery codes by their digests."""

from typing import Any

import msgspec
from sqlalchemy import delete, select, update

from footfall.state.database import Database, insert
from footfall.state.records import SecondFactor
from footfall.state.tables import second_factors, users


class FactorRepository:
    """The second factors. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account: str) -> SecondFactor | None:
        """The account's factor, which counts once it is `confirmed`."""
        statement = select(second_factors).where(second_factors.c.account == account)
        with self._database.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        if row is None:
            return None
        fields: dict[str, Any] = dict(row)
        return SecondFactor(**fields | {"recovery": msgspec.json.decode(fields["recovery"], type=tuple[str, ...])})

    def begin(self, factor: SecondFactor) -> bool:
        """Put a factor that is not confirmed in place of one that is not; False when the account has one that is."""
        values = msgspec.structs.asdict(factor) | {"recovery": msgspec.json.encode(factor.recovery).decode()}
        with self._database.write() as connection:
            statement = insert(connection, second_factors).values(values)
            changed = {name: value for name, value in values.items() if name != "account"}
            pending = second_factors.c.confirmed.is_(False)
            done = statement.on_conflict_do_update(index_elements=["account"], set_=changed, where=pending)
            return connection.scalar(done.returning(second_factors.c.account)) is not None

    def confirm(self, account: str, secret: str, step: int, recovery: tuple[str, ...]) -> bool:
        """Have the factor with this secret count, and give it recovery codes; False when there is none to confirm."""
        statement = (
            update(second_factors)
            .where(second_factors.c.account == account, second_factors.c.secret == secret)
            .where(second_factors.c.confirmed.is_(False))
            .values(confirmed=True, last_step=step, recovery=msgspec.json.encode(recovery).decode())
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def use_step(self, account: str, step: int) -> bool:
        """Use the code of a step up, and all before it; False when it was used already."""
        statement = (
            update(second_factors)
            .where(second_factors.c.account == account, second_factors.c.last_step < step)
            .values(last_step=step)
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def use_recovery(self, account: str, digest: str) -> bool:
        """Use a recovery code up; False when there is none with this digest."""
        with self._database.write() as connection:
            statement = select(second_factors.c.recovery).where(second_factors.c.account == account)
            found = connection.scalar(statement.with_for_update())
            before = () if found is None else msgspec.json.decode(found, type=tuple[str, ...])
            if digest not in before:
                return False
            left = msgspec.json.encode(tuple(each for each in before if each != digest)).decode()
            connection.execute(update(second_factors).where(second_factors.c.account == account).values(recovery=left))
            return True

    def remove(self, account: str) -> bool:
        """Have the account's password count alone; False when it did."""
        with self._database.write() as connection:
            statement = delete(second_factors).where(second_factors.c.account == account)
            return connection.execute(statement).rowcount == 1

    def names(self) -> list[str]:
        """The names of the users who have a factor that counts."""
        statement = select(users.c.id).join(second_factors, second_factors.c.account == users.c.account)
        with self._database.read() as connection:
            return sorted(connection.scalars(statement.where(second_factors.c.confirmed)))
