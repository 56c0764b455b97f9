"""Nodes on the shared engine, each with its own folder and database."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from quarantined import Node


@pytest.fixture
def node(engine: Any) -> Iterator[Callable[..., Node]]:
    """Makes nodes, each with its own folder and database; `changes` are settings."""
    with contextlib.ExitStack() as stack:

        def make(**changes: Any) -> Node:
            # Every commit is sealed at once, so that nothing waits for a segment's age.
            given = {
                "plan_mode": "quarantine",
                "quarantine_sender_kept": True,
                "disk_free_bytes_min": 0,
                "segment_bytes_max": 1,
            }
            made = Node(engine.settings(**given | changes))
            stack.callback(made.close)
            return made

        yield make
