"""Nodes with the embedded store, each with its own folder; they share the engine, and find its database empty."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from checked import MakeNode, Node

from footfall.settings import Settings


@pytest.fixture
def node(engine: Any, tmp_path: Path) -> Iterator[MakeNode]:
    """Makes the node of a test; `changes` are settings."""
    at = json.loads(engine.place.read_bytes())
    with clickhouse_connect.get_client(
        host=at["host"], port=at["port"], username=at["user"], password=at["password"], autogenerate_session_id=False
    ) as client:
        client.command("DROP DATABASE IF EXISTS footfall SYNC")
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
