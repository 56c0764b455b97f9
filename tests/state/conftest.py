"""The two databases that every test of this room runs on: a SQLite file and a real PostgreSQL server."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from states import state_url

from footfall.state import State


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; of one with its tables where the test asks for a `state` too."""
    is_migrated = "state" in request.fixturenames
    if request.param == "sqlite":
        yield state_url(tmp_path) if is_migrated else f"sqlite:///{tmp_path / 'state.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {server.migrated if is_migrated else 'template1'}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def state(url: str) -> Iterator[State]:
    """An opened, migrated state."""
    with closing(State(url)) as state:
        state.migrate()
        yield state
