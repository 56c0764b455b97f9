"""Reports of events that came twice: how many they say there are, and what is in the file."""

import uuid
from typing import Any

import msgspec
import pytest

from footfall.errors import Code, RequestRefused
from footfall.reports import status_headers
from footfall.reports.worker.attempt import Attempt
from footfall.state import Job

T = 1_568_381_886_060
FIRST, AGAIN = str(uuid.UUID(int=2)), str(uuid.UUID(int=1))
# Numbered events of one request, made by the engine itself.
FILL = """
    INSERT INTO events (customer, product, type, timestamp, context, sequence, batch, received, admitted)
    SELECT 'C', 'P', 'T', {first:Int64} + number * 997,
        [concat('user-', toString(number)), repeat('x', 50)], number + 1, {batch:UUID},
        {admitted:Int64}, {admitted:Int64}
    FROM numbers({rows:UInt64})
"""


def load(place: Any) -> None:
    """Three events of a buffer, one of them twice, that is sent again with one more."""
    buffer = [("a", T), ("a", T), ("b", T), ("a", T + 5)]
    place.load(
        {"timestamp": time_ms, "context": [text], "batch": FIRST, "sequence": n, "admitted": 10}
        for n, (text, time_ms) in enumerate(buffer, 1)
    )
    place.load(
        {"timestamp": time_ms, "context": [text], "batch": AGAIN, "sequence": n, "admitted": 20}
        for n, (text, time_ms) in enumerate([*buffer, ("new", T)], 1)
    )


async def make(place: Any, duplicates: str | None, **wanted: Any) -> Job:
    body: dict[str, Any] = {"filter": {"customer": "C", "product": "P"} | wanted}
    if duplicates:
        body["duplicates"] = duplicates
    job = await place.desk.start(place.user, msgspec.json.encode(body))
    async with place.running():
        return await place.ended(job)


async def text(place: Any, job: Job) -> str:
    return (await place.read(job)).decode()


@pytest.mark.parametrize("mode", [None, "keep"])
async def test_duplicates_are_kept_and_counted(place, mode: str | None) -> None:
    load(place)
    job = await make(place, mode)
    assert (job.duplicates, job.rows, job.duplicates_found) == ("keep", 9, 4)
    assert status_headers(job, 0)["Footfall-Duplicates"] == "4"
    assert sorted((await text(place, job)).splitlines()) == sorted(
        [f"{T}|T|a"] * 4 + [f"{T}|T|b"] * 2 + [f"{T + 5}|T|a"] * 2 + [f"{T}|T|new"]
    )


async def test_duplicates_are_dropped_and_counted(place) -> None:
    load(place)
    job = await make(place, "drop")
    assert (job.duplicates, job.rows, job.duplicates_found) == ("drop", 5, 4)
    assert status_headers(job, 0)["Footfall-Duplicates"] == "4"
    # The request that was first keeps all of its own, equal ones too.
    lines = (await text(place, job)).splitlines()
    assert lines[-1] == f"{T + 5}|T|a"
    assert sorted(lines[:-1]) == sorted([f"{T}|T|a", f"{T}|T|a", f"{T}|T|b", f"{T}|T|new"])


async def test_a_report_that_is_made_again_is_the_same(place) -> None:
    load(place)
    place.clock.ms += 1
    first = await make(place, "drop")
    late = {"timestamp": T, "context": ["a"], "sequence": 1, "admitted": place.clock.ms + 1}
    # By its batch it would be the first, but it comes later.
    place.load([late | {"batch": str(uuid.UUID(int=0x10 << 64))}])
    again = await make(place, "drop")
    assert (again.sha256, again.rows, again.duplicates_found) == (first.sha256, 5, 4)


async def test_only_what_the_filter_selects_is_looked_at(place) -> None:
    load(place)
    assert (await make(place, "drop", start=T + 1)).duplicates_found == 1
    assert (await make(place, "drop", types=["U"])).duplicates_found == 0


async def test_a_running_or_failed_report_says_nothing_of_duplicates(place) -> None:
    job = await place.order()
    assert "Footfall-Duplicates" not in status_headers(job, 0)


@pytest.mark.parametrize("mode", ["", "yes", 1, True, ["drop"]])
async def test_another_word_is_refused(place, mode: Any) -> None:
    body = msgspec.json.encode({"filter": {"customer": "C", "product": "P"}, "duplicates": mode})
    with pytest.raises(RequestRefused) as caught:
        await place.desk.start(place.user, body)
    problem = caught.value.problems[0]
    assert (problem.code, problem.where) == (Code.REQUEST_PARAMETER_MALFORMED, "duplicates")


@pytest.mark.parametrize("mode", ["keep", "drop"])
async def test_many_duplicates_need_little_memory(place, monkeypatch, mode: str) -> None:
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 10_000)
    events, batches = 60_000, [str(uuid.UUID(int=n)) for n in (1, 2)]
    for admitted, batch in enumerate(batches, 1):
        place.store.write(FILL, {"first": T, "batch": batch, "admitted": admitted, "rows": events})
    job = await make(place, mode)
    attempt = Attempt(job, None, place.store, place.destinations, deadline_s=2**40)
    limit = attempt._statement_settings
    monkeypatch.setattr(
        attempt,
        "_statement_settings",
        lambda what="": limit(what) | {"max_memory_usage": 50_000_000, "max_untracked_memory": 1},
    )
    made = attempt.run()
    expected = 2 * events if mode == "keep" else events
    assert attempt.rows_total >= made.rows
    assert (made.rows, made.duplicates) == (job.rows, job.duplicates_found) == (expected, events)


@pytest.mark.parametrize(("since_ms", "counts"), [(None, 0), (5, 1)])
async def test_rows_without_duplicates_are_counted_anew_only_where_a_first_may_be_outside(
    place, monkeypatch, since_ms: int | None, counts: int
) -> None:
    load(place)
    job = msgspec.structs.replace(await make(place, "drop"), since_ms=since_ms)
    run, ran = place.store.rows, []
    monkeypatch.setattr(place.store, "rows", lambda text, *rest: ran.append(text) or run(text, *rest))
    made = Attempt(job, None, place.store, place.destinations, deadline_s=2**40).run()
    assert (made.rows, made.duplicates) == (5, 4)
    assert sum(text.startswith("-- The rows of a report between") for text in ran) == counts
