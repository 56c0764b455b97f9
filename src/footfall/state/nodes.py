"""The statements about nodes and about the secrets that they share."""

import os

from sqlalchemy import Connection, delete, select

from footfall.state.database import insert
from footfall.state.records import Node
from footfall.state.tables import nodes, secrets

# The statements about nodes: how far each has loaded what it collected.


def put(connection: Connection, node: Node) -> None:
    now = {"loaded_through_ms": node.loaded_through_ms, "seen_ms": node.seen_ms}
    statement = insert(connection, nodes).values(node=node.node, **now)
    connection.execute(statement.on_conflict_do_update(index_elements=["node"], set_=now))


def remove(connection: Connection, node: str) -> None:
    connection.execute(delete(nodes).where(nodes.c.node == node))


def list_all(connection: Connection) -> list[Node]:
    found = [Node(**row._mapping) for row in connection.execute(select(nodes))]  # noqa: SLF001 - documented name
    return sorted(found, key=lambda node: node.node)


# The statements about secrets: random bytes that all nodes share, made by whoever asks first.


# As long as the output of SHA-256, which these are the HMAC keys of.
SECRET_BYTES = 32


def get_secret(connection: Connection, name: str) -> bytes | None:
    return connection.scalar(select(secrets.c.value).where(secrets.c.name == name))


def make_secret(connection: Connection, name: str) -> None:
    """Make the secret unless another made it in the meantime."""
    statement = insert(connection, secrets).values(name=name, value=os.urandom(SECRET_BYTES))
    connection.execute(statement.on_conflict_do_nothing(index_elements=["name"]))
