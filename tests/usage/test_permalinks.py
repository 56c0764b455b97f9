"""The link of an answer gives the same bytes, whatever happens to the store, the service and its settings."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from msgspec import structs
from usage_events import BATCHES, DAY_MS, HOUR_MS, Event
from usage_node import NOW_MS, Node, encode

from footfall.settings import Settings

FIRST_MS = NOW_MS - 60 * DAY_MS
SELECTED: dict[str, Any] = {"customer": ["C", "D"], "product": "*", "timezone": "Europe/Berlin"}
PERIOD = {"start": FIRST_MS + 20 * DAY_MS, "end": NOW_MS}
QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("counts", {"by": ["type", "version"], "duplicates": "drop"}),
    ("counts", {**PERIOD, "interval": "week", "compare": "previous", "fill": "true", "by": "kind", "top": 2}),
    ("uniques", {**PERIOD, "interval": "month", "rolling": [7, 30]}),
    ("retention", {"first": "T", "periods": 20}),
    ("funnel", {"step": ["T", "U;kind:not empty"], "window": "7d", "by": "version"}),
    ("paths", {"type": "T", "where": "kind:is not:b"}),
    ("top", {"key": "kind", "basis": "received", **PERIOD}),
    ("compare", {**PERIOD, "compare": "year"}),
    ("summary", {**PERIOD, "interval": "day", "compare": "previous"}),
    ("events", {"limit": 50}),
    ("types", {"lateAfter": 7200}),
)


def make(chance: random.Random, number: int, admitted_ms: int) -> list[Event]:
    """Events of the weeks before they were admitted, some of them late, some sent twice."""
    found = []
    for sequence in range(1, number + 1):
        kind = chance.choice("TTUV")
        context = [] if kind == "V" else chance.choices("abc", k=2)
        time_ms = admitted_ms - chance.randrange(40) * DAY_MS - chance.randrange(24) * HOUR_MS - 1
        one = {"customer": chance.choice("CD"), "product": "P", "type": kind, "version": chance.choice(("", "1"))}
        one |= {"timestamp": time_ms, "context": context, "batch": chance.choice(BATCHES), "sequence": sequence}
        received_ms = time_ms + chance.choice((0, HOUR_MS, 3 * HOUR_MS, 2 * DAY_MS))
        found.append({**one, "received": received_ms, "admitted": admitted_ms})
    return found + [{**one, "batch": BATCHES[-1], "sequence": 1000 + at} for at, one in enumerate(found[::7])]


@pytest.fixture
def node(own_engine: Any) -> Iterator[Node]:
    """A node on an engine of its own, which a test may start again."""
    settings = Settings(data_dir=str(own_engine.folder), disk_free_bytes_min=0, archive_days=-1)
    with contextlib.closing(Node(settings)) as found:
        yield found


def test_a_link_gives_the_same_bytes_whatever_comes_later(node: Node, own_engine: Any) -> None:
    chance = random.Random(3)
    for days in (40, 20, 1):
        node.admit(make(chance, 80, NOW_MS - days * DAY_MS))
    given: dict[str, bytes] = {}

    def follow(link: str) -> Any:
        return asyncio.run(node.follow(link))

    for name, asked in QUESTIONS:
        answer = asyncio.run(node.ask(name, **{**SELECTED, **asked}))
        assert answer.complete
        given[answer.link] = encode(answer)
    assert len(given) == len(QUESTIONS)

    def changed() -> list[str]:
        return [link for link, before in given.items() if encode(follow(link)) != before]

    counts = asyncio.run(node.ask("counts", customer="C", product="P", duplicates="drop"))
    summary = asyncio.run(node.ask("summary", customer="C", product="P", duplicates="drop", asOf=counts.asOf))
    rows = asyncio.run(node.complete(counts.report))
    assert sum(row.events for row in counts.counts) == summary.total.events == len(rows.splitlines()) > 0

    node.now_ms = NOW_MS + DAY_MS
    node.admit(make(chance, 60, NOW_MS + DAY_MS - 1000))
    assert changed() == []
    node.count_days()
    assert changed() == []
    node.merge()
    node.rebuild()
    assert changed() == []
    assert asyncio.run(node.complete(counts.report)) == rows
    node.close()
    assert own_engine.stop() == 0
    own_engine.start()
    node.open(structs.replace(node.settings, late_after_s=1))
    assert changed() == []
    link = next(link for link in given if link.startswith("usage/retention"))
    later = asyncio.run(node.ask("retention", **SELECTED, first="T", periods=20, asOf=parse_qs(link)["asOf"][0]))
    assert later.retention == follow(link).retention
    assert later.total.late > follow(link).total.late > 0


async def test_an_interval_ends_with_its_last_millisecond_for_kept_answers_too(place: Any) -> None:
    midnight_ms = NOW_MS // DAY_MS * DAY_MS
    place.load({"timestamp": midnight_ms - HOUR_MS})
    for as_of, begun, over in ((-500, 1, False), (-1, 1, True), (0, 2, True), (1, 2, True), (-2, 1, False)):
        asked = {"interval": "day", "asOf": midnight_ms + as_of, "key": "context1", "start": midnight_ms - DAY_MS}
        (cohort,) = (await place.ask("retention", **asked)).retention
        assert (len(cohort.periods), cohort.periods[0].complete) == (begun, over), as_of
        (rolled,) = (await place.ask("uniques", **asked, rolling="7", end=midnight_ms + DAY_MS)).rolling
        assert len(rolled.uniques) == begun
        counts = await place.count(**asked, fill="true", end=midnight_ms + DAY_MS)
        assert len(counts.counts) == begun
