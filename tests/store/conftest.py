"""A store on the shared engine, and events for it."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from footfall.store import Store

MakeEvent = Callable[..., dict[str, Any]]


@pytest.fixture
def store(engine: Any) -> Iterator[Store]:
    """A store with a database of its own."""
    store = Store(engine.settings())
    yield store
    store.close()


@pytest.fixture
def make_event() -> MakeEvent:
    """Makes the event of a sequence number, all of one batch, with some of its keys changed."""
    batch = str(uuid.uuid4())

    def make(sequence: int = 1, **changes: Any) -> dict[str, Any]:
        event = {"customer": "C", "product": "P", "type": "T", "timestamp": 1_700_000_000_000, "context": ["a", "b"]}
        return event | {"sequence": sequence, "batch": batch, "received": 10, "admitted": 10} | changes

    return make
