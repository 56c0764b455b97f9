"""Nodes with the time up to which each has loaded its journal, and secrets: random bytes that all nodes share."""

import os

from sqlalchemy import delete, select

from footfall.state.database import Database, insert
from footfall.state.records import Node
from footfall.state.tables import nodes, secrets

# The length of SHA-256's output: the secrets are keys of HMAC-SHA-256.
SECRET_BYTES = 32


class NodeRepository:
    """The nodes. Each call is one transaction, and raises StateUnavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, node: str, loaded_through_ms: int, seen_ms: int) -> None:
        """Record the time up to which a node has loaded its journal; `seen_ms` is the time of this call."""
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
        """The 32 random bytes of this name: made by the first call, then the same for ever and on every node."""
        with self._database.read() as connection:
            found: bytes | None = connection.scalar(select(secrets.c.value).where(secrets.c.name == name))
        if found is not None:
            return found
        with self._database.write() as connection:
            # If another node has made it meanwhile, that one stays.
            statement = insert(connection, secrets).values(name=name, value=os.urandom(SECRET_BYTES))
            connection.execute(statement.on_conflict_do_nothing(index_elements=["name"]))
        return self.get(name)
