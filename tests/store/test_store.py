"""The store through its front door, on a real engine."""

import uuid
from pathlib import Path
from typing import Any

from footfall.store import Store, query

BATCH = str(uuid.UUID(int=7))


def make_event(sequence: int = 1, **changes: Any) -> dict[str, Any]:
    event = {"customer": "C", "product": "P", "type": "T", "timestamp": 1_700_000_000_000, "context": ["a", "b"]}
    return event | {"sequence": sequence, "batch": BATCH, "received": 10, "admitted": 10} | changes


def test_events_loaded_twice_count_once(engine, make_segment, tmp_path: Path) -> None:
    store = Store(engine.settings())
    store.migrate()
    segment = make_segment(tmp_path / "1.jsonl.zst", [make_event(n) for n in range(1, 2501)])
    store.load(segment)
    store.load(segment)
    assert store.rows(query("customer_counts"), {}) == [("C", 2500, 1_700_000_000_000, 1_700_000_000_000)]
    store.close()
