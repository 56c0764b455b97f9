"""Batches of an outbox's file: when they are made, and what is on the disk then."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from footfall_client import OutboxBroken, OutboxOptions
from footfall_client.answers import Accepted
from footfall_client.batches import MADE_AT_ONCE, Batches
from footfall_client.database import Database
from footfall_client.pending import Pending

OPTIONS = OutboxOptions(batch_events_max=10, batch_age_max_s=60)
ACCEPTED = Accepted("35114dc8-92a1-47b1-adc9-cfabfc6851da", 0)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(Database(tmp_path / "outbox")) as found:
        yield found


def append(database: Database, *sizes: int) -> None:
    for size in sizes:
        Pending(database, OPTIONS).append(["{}"] * size)


def now_ms() -> int:
    return int(time.time() * 1000)


def test_full_batches_are_made_together_each_with_a_key_of_its_own(database: Database) -> None:
    append(database, *[5] * 11)
    batches = Batches(database, OPTIONS)
    first = batches.prepare(now_ms(), is_urgent=False)
    made = database.rows("SELECT id, key, events, last_chunk FROM batches ORDER BY id")
    assert [row[2:] for row in made] == [(10, 2), (10, 4), (10, 6), (10, 8)]
    assert len({row[1] for row in made}) == MADE_AT_ONCE
    assert first is not None
    assert (first.id, first.key) == made[0][:2]
    batches.prepare(now_ms(), is_urgent=False)
    # Events that fill no batch wait for others.
    assert database.number("SELECT sum(events) FROM chunks") == 5
    assert batches.prepare(now_ms(), is_urgent=False) is None
    assert batches.prepare(now_ms(), is_urgent=True) is not None


def test_events_that_came_after_the_time_was_looked_at_wait_for_others(database: Database) -> None:
    before = now_ms() - 1_000
    append(database, 1)
    batches = Batches(database, OPTIONS)
    assert batches.prepare(before, is_urgent=False) is None
    # A clock that was set back by an hour is another matter.
    assert batches.prepare(before - 3_600_000, is_urgent=False) is not None


def test_whatever_comes_of_an_acknowledgement_the_next_transaction_is_synced(database: Database) -> None:
    append(database, 10)
    batches = Batches(database, OPTIONS)
    batch = batches.next(now_ms(), is_urgent=False)
    assert batch is not None
    batches.accept(batch, ACCEPTED)
    assert database.number("SELECT count(*) FROM batches") == 0
    assert database.number("PRAGMA synchronous") == 2
    with pytest.raises(OutboxBroken), database.transaction(is_synced=False) as connection:
        connection.execute("no statement")
    assert database.number("PRAGMA synchronous") == 2
