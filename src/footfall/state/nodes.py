"""The statements about nodes: how far each has loaded what it collected."""

from sqlalchemy import Connection, delete, select

from footfall.state.database import insert
from footfall.state.records import Node
from footfall.state.tables import nodes


def put(connection: Connection, node: Node) -> None:
    now = {"loaded_through_ms": node.loaded_through_ms, "seen_ms": node.seen_ms}
    statement = insert(connection, nodes).values(node=node.node, **now)
    connection.execute(statement.on_conflict_do_update(index_elements=["node"], set_=now))


def remove(connection: Connection, node: str) -> None:
    connection.execute(delete(nodes).where(nodes.c.node == node))


def list_all(connection: Connection) -> list[Node]:
    found = [Node(**row._mapping) for row in connection.execute(select(nodes))]  # noqa: SLF001 - documented name
    return sorted(found, key=lambda node: node.node)
