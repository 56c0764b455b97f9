"""What the nodes share: how far each has loaded what it collected, and secrets, random bytes that are made once."""

import os

from sqlalchemy import delete, select

from footfall.state.database import Database, insert
from footfall.state.records import Node
from footfall.state.tables import nodes, secrets

# As long as the output of SHA-256, which these are the HMAC keys of.
SECRET_BYTES = 32


class NodeRepository:
    """The nodes. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, node: str, loaded_through_ms: int, seen_ms: int) -> None:
        """Record how far a node has loaded, and that it was there at `seen_ms`."""
        now = {"loaded_through_ms": loaded_through_ms, "seen_ms": seen_ms}
        with self._database.write() as connection:
            statement = insert(connection, nodes).values(node=node, **now)
            connection.execute(statement.on_conflict_do_update(index_elements=["node"], set_=now))

    def remove(self, node: str) -> None:
        with self._database.write() as connection:
            connection.execute(delete(nodes).where(nodes.c.node == node))

    def all(self) -> list[Node]:
        """All nodes, ordered by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(nodes))
            found = [Node(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented name
        return sorted(found, key=lambda node: node.node)


class SecretRepository:
    """The secrets. Each call is a few transactions, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> bytes:
        """The 32 random bytes of this name: made on first asking, then the same for ever and on every node."""
        with self._database.read() as connection:
            found: bytes | None = connection.scalar(select(secrets.c.value).where(secrets.c.name == name))
        if found is not None:
            return found
        with self._database.write() as connection:
            # Another node may have made it in the meantime, and then that one is taken.
            statement = insert(connection, secrets).values(name=name, value=os.urandom(SECRET_BYTES))
            connection.execute(statement.on_conflict_do_nothing(index_elements=["name"]))
        return self.get(name)
