"""Nodes with the embedded store, each with its own folder; they share the engine, and each finds its database new."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checked import MakeNode, Node

from footfall.settings import Settings


@pytest.fixture
def node(engine: Any, tmp_path: Path) -> Iterator[MakeNode]:
    """Makes the node of a test; `changes` are settings."""
    engine.make_database("footfall")
    data = tmp_path / "data"
    (data / "run").mkdir(parents=True)
    (data / "run" / "engine.json").write_bytes(engine.place.read_bytes())
    with contextlib.ExitStack() as stack:

        def make(**changes: Any) -> Node:
            given = {"data_dir": str(data), "disk_free_bytes_min": 0, "archive_days": 30}
            made = Node(Settings(**given | changes))
            stack.callback(made.store.close)
            return made

        yield make
