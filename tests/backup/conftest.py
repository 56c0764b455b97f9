"""Nodes to back up, and empty ones to restore into, each with a database of its own on the shared engine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backed_up import Node
from msgspec import structs


@pytest.fixture
def nodes(engine: Any, make_segment: Callable[..., Path]) -> Iterator[Callable[..., Node]]:
    """Makes empty nodes, each with a folder and a database of its own; `open` them before use, or restore."""
    made: list[Node] = []

    def make(**changes: Any) -> Node:
        node = Node(structs.replace(engine.settings(), report_barrier_timeout_s=1, **changes), make_segment)
        made.append(node)
        return node

    yield make
    for node in made:
        if hasattr(node, "state"):
            node.close()


@pytest.fixture
def full(nodes: Callable[..., Node]) -> Node:
    """A node that keeps something of everything."""
    node = nodes().open()
    node.fill()
    return node
