"""Nodes on the shared engine, each with its own folder, database and state."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from erased import Node


@pytest.fixture
def node(engine: Any) -> Iterator[Callable[..., Node]]:
    """Makes nodes; `changes` are settings."""
    with contextlib.ExitStack() as stack:

        def make(**changes: Any) -> Node:
            # Every commit is sealed at once, so that nothing waits for a segment's age.
            given = {"plan_mode": "quarantine", "disk_free_bytes_min": 0, "segment_bytes_max": 1}
            made = Node(engine.settings(**given | changes))
            stack.callback(made.close)
            return made

        yield make
