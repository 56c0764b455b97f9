"""How far a report is: it moves, never back, and is everything only when the report is COMPLETE."""

import contextlib
import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from footfall.reports import status_headers
from footfall.reports.worker.attempt import Attempt, AttemptOptions
from footfall.state import Job, JobStatus
from footfall.store import Store

# The events of each month are a statement of their own.
FILL = """INSERT INTO events (customer, product, type, timestamp, context, sequence, batch, received, admitted)
SELECT 'C', 'P', 'T', number % {months:UInt32} * 31 * 86400000 + number, ['x'], 1, generateUUIDv4(), 1, 1
FROM numbers({rows:UInt32})"""
MONTHS, ROWS = 3, 3_000


class Held(Store):
    """Holds a report's rows at the end of each month but the last, until its progress was seen to have moved.

    While a statement is under way, its progress may be all or nothing of its rows: the engine may have read them all
    before the first block comes.
    """

    seen: ClassVar[set[float]]
    streams: ClassVar[Iterator[int]]

    @contextlib.contextmanager
    def stream(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        with super().stream(query, parameters, settings) as blocks:
            yield self._hold(blocks)

    def _hold(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        yield from blocks
        if (months := next(self.streams)) < MONTHS:
            self._wait_for(months)

    def _wait_for(self, values: int) -> None:
        deadline = time.monotonic() + 60
        while len({value for value in self.seen if 0 < value < 1}) < values:
            assert time.monotonic() < deadline, f"in a minute no progress was seen but {sorted(self.seen)}"
            time.sleep(0.01)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
async def test_progress_moves_and_never_goes_back(make_place: Any, file_format: str) -> None:
    said: list[tuple[JobStatus, float]] = []

    class HeldHere(Held):
        seen: ClassVar[set[float]] = set()
        streams: ClassVar[Iterator[int]] = itertools.count(1)

    place = make_place(store_type=HeldHere)
    place.options = AttemptOptions(span_rows_max=ROWS // MONTHS)
    place.store.write(FILL, {"rows": ROWS, "months": MONTHS})

    def look(job: Job) -> bool:
        said.append((job.status, float(status_headers(job, 0)["Footfall-Progress"])))
        HeldHere.seen.add(said[-1][1])
        return job.status is not JobStatus.RUNNING

    job = await place.order(output={"format": file_format})
    async with place.running():
        assert (await place.seen(job, look)).rows == ROWS
    values = [value for _, value in said]
    assert values == sorted(values)
    assert (values[0], said[-1]) == (0, (JobStatus.COMPLETE, 1))
    assert all(value < 1 for status, value in said if status is JobStatus.RUNNING)
    assert len({value for value in values if 0 < value < 1}) >= 2, sorted(set(values))


async def test_another_worker_goes_on_from_what_was_told(place: Any) -> None:
    place.fill()
    job = await place.order()
    place.state.jobs.claim("the dead", 0)
    place.state.jobs.record_progress(job.id, "the dead", 1, 2, 3, 0.75)
    least = 1.0

    def look(job: Job) -> bool:
        nonlocal least
        least = min(least, job.progress)
        return job.status is not JobStatus.RUNNING

    async with place.running():
        await place.seen(job, look)
    assert least == 0.75


def test_the_share_is_half_of_what_is_read_and_half_of_what_has_passed(place: Any) -> None:
    job = Job(id="j", user="u", account="a", filter=None, started_ms=0, watermark_ms=0)  # type: ignore[arg-type] - it is not read
    attempt = Attempt(job, None, place.store, place.destinations, 0)
    assert [attempt.progress(read) for read in (0, 0.5, 1)] == [0, 0, 0]
    attempt.rows_total = 200
    assert [attempt.progress(read) for read in (0, 0.5, 1)] == [0, 0, 0]
    attempt._rows_current = 100
    assert [attempt.progress(read) for read in (0, 0.5, 1)] == [0, 0.125, 0.25]
    attempt._rows_done, attempt._rows_current = 100, 100
    assert [attempt.progress(read) for read in (0, 0.5, 1)] == [0.5, 0.625, 0.75]
    # Rows that have passed are the other half.
    attempt._rows_before, attempt._row_counter.rows = 100, 150
    assert [attempt.progress(read) for read in (0, 1)] == [0.75, 0.875]
    attempt._row_counter.rows = 200
    assert attempt.progress(1) == 1
