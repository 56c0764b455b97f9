"""A state database for the users who listen."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from states import state_url

from footfall.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    found = State(state_url(tmp_path))
    found.migrate()
    yield found
    found.close()
