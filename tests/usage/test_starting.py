"""Statistics of a store that is not as it usually is: its tables are being made, or are on several servers."""

from typing import Any, get_args

import pytest

from footfall.errors import Code, RequestRefused
from footfall.store.migrations import read_migrations
from footfall.usage import Statistics

FILES = read_migrations()
TIMES = {"start": "2025-10-01", "end": "2025-10-09", "asOf": 1_760_000_000_000}
ACTOR = {"key": "context1"}
GIVEN: dict[str, dict[str, Any]] = {
    "uniques": ACTOR,
    "retention": ACTOR,
    "funnel": {**ACTOR, "step": ["T", "U"]},
    "paths": {**ACTOR, "type": "T"},
    "top": ACTOR,
    "compare": {"by": "type"},
}


@pytest.mark.parametrize("applied", range(1, len(FILES) + 1))
async def test_while_the_tables_are_made_a_statistic_is_there_or_for_later(
    make_place: Any, monkeypatch: Any, applied: int
) -> None:
    place = make_place(is_empty=True)
    monkeypatch.setattr("footfall.store.migrations.read_migrations", lambda: FILES[:applied])
    place.store.migrate()
    refused = []
    for name in get_args(Statistics):
        try:
            await place.ask(name, **GIVEN.get(name, {}), **TIMES)
        except RequestRefused as error:
            refused.append((error.code, error.retry_after_s))
    assert set(refused) <= {(Code.SERVICE_UNAVAILABLE, 5)}
    assert applied > 1 or len(refused) == len(get_args(Statistics))
    assert applied < len(FILES) or not refused


async def test_tables_of_several_servers_give_the_same_answers(place: Any) -> None:
    """As a cluster has it: `events` is a table without parts, which reads that of the shard, of another engine."""
    place.load({"timestamp": 1_759_500_000_000}, {"timestamp": 1_759_600_000_000, "type": "U"})
    alone = [await place.ask(name, **GIVEN.get(name, {}), **TIMES) for name in get_args(Statistics)]
    place.store.write("RENAME TABLE events TO events_shard", {})
    place.store.write("CREATE TABLE events AS events_shard ENGINE = Merge(currentDatabase(), '^events_shard$')", {})
    for name, answer in zip(get_args(Statistics), alone, strict=True):
        assert await place.ask(name, **GIVEN.get(name, {}), **TIMES) == answer, name
