"""Nodes on the shared engine with rules of retention, each with its own folder, database and state."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from erased import restore_into
from expired import Node


@pytest.fixture
def node(engine: Any) -> Iterator[Callable[..., Node]]:
    """Makes nodes; `changes` are settings. With `restored`, from the backup in that place."""
    with contextlib.ExitStack() as stack:

        def make(restored: Path | str | None = None, **changes: Any) -> Node:
            # Every commit is sealed at once, so that nothing waits for a segment's age.
            given = {"plan_mode": "quarantine", "disk_free_bytes_min": 0, "segment_bytes_max": 1}
            settings = engine.settings(**given | changes)
            if restored is not None:
                restore_into(settings, restored)
            made = Node(settings)
            stack.callback(made.close)
            return made

        yield make
