"""Whatever goes wrong while a report is made, it is whole, or it says that it is not."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from footfall.state import Job, JobStatus, State, StateUnavailable
from footfall.state.jobs import JobRepository
from footfall.store import Store


class Lossy(Store):
    """Loses the last row of a stream, and says nothing of it."""

    @contextlib.contextmanager
    def stream(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        with super().stream(query, parameters, settings) as blocks:
            whole = b"".join(blocks)
            yield iter([whole[: whole[:-1].rindex(b"\n") + 1]])


class Doubling(Store):
    """Has `double` called between the count of the rows and the first statement that gives them."""

    double: Callable[[], None] | None = None

    @contextlib.contextmanager
    def stream(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Iterator[Iterator[bytes]]:
        double, self.double = self.double, None
        if double is not None:
            double()
        with super().stream(query, parameters, settings) as blocks:
            yield blocks


class Slow(Store):
    """Has a statement run into the limit of time that it is given, before any other."""

    def rows(
        self, query: str, parameters: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        super().rows("SELECT sum(sleepEachRow(0.5)) FROM numbers(20) SETTINGS max_block_size = 1", {}, settings)
        return super().rows(query, parameters, settings)


class FailingJobs(JobRepository):
    """Cannot claim or record at first; `lost` says that it does record, and only the answer is lost."""

    failures = 2
    lost = False

    def claim(self, owner: str, lease_ms: int) -> Job | None:
        if self.failures == 2:
            self.failures -= 1
            raise StateUnavailable("no connection")
        return super().claim(owner, lease_ms)

    def finish(self, *args: Any, **named: Any) -> bool:
        if self.failures:
            self.failures -= 1
            if self.lost:
                super().finish(*args, **named)
            raise StateUnavailable("the connection broke")
        return super().finish(*args, **named)


async def finish(place: Any, **wanted: Any) -> Job:
    job = await place.make(**wanted)
    assert isinstance(job, Job)
    return job


async def test_a_report_that_takes_too_long_says_what_to_do(make_place: Any) -> None:
    job = await finish(make_place(store_type=Slow, report_timeout_s=1))
    assert (job.status, job.reason) == (
        JobStatus.TIMEOUT,
        "the report took longer than 1 s: narrow its range of time (filter.start, filter.end), or its types",
    )


async def test_rows_that_are_missing_fail_the_report(make_place: Any) -> None:
    place = make_place(store_type=Lossy)
    place.fill()
    job = await finish(place)
    assert (job.status, job.reason) == (JobStatus.FAILED, "the engine returned 19999 of 20000 rows")
    assert place.stored() == []


class Proxy:
    """Passes bytes on to the engine; of its first connections, it cuts the answers after so many bytes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.cuts = 0
        self.cut_bytes = 100_000

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._close(*self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, questions}
        await asyncio.gather(self._ask(reader, questions), self._answer(answers, writer))
        await self._close(writer, questions)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(65536):
                writer.write(block)
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(65536):
                passed += len(block)
                if passed > self.cut_bytes and self.cuts:
                    self.cuts -= 1
                    break
                writer.write(block)
                await writer.drain()
        writer.close()

    async def _close(self, *writers: asyncio.StreamWriter) -> None:
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._writers.discard(writer)


@pytest.mark.parametrize(("cuts", "timeout_s"), [(2, 60), (10**9, 2)])
async def test_a_stream_that_breaks_off_never_makes_a_short_file(
    engine: Any, make_place: Any, cuts: int, timeout_s: int
) -> None:
    proxy = Proxy(json.loads(engine.place.read_bytes())["port"])
    async with proxy as port:
        place = await asyncio.to_thread(make_place, port=port, report_timeout_s=timeout_s)
        await asyncio.to_thread(place.fill)
        proxy.cuts = cuts
        job = await finish(place)
    if cuts == 2:
        assert (job.status, job.tries) == (JobStatus.COMPLETE, 1)
        assert await place.read(job) == place.filled
        assert len(place.stored()) == 1
    else:
        # Which of the two it is depends on whether the time is over between two attempts or before one.
        assert job.status in (JobStatus.FAILED, JobStatus.TIMEOUT)
        assert place.stored() == []


async def test_a_statement_that_fails_fails_the_report_and_not_the_runner(place: Any, caplog: Any) -> None:
    place.store.rows("DROP TABLE events SYNC", {})
    first, second = await place.order(), await place.order()
    async with place.running():
        for job in (first, second):
            ended = await place.ended(job)
            assert ended.status is JobStatus.FAILED
            assert ended.reason == "the events store could not run the report's statement"
    assert "UNKNOWN_TABLE" in caplog.text


async def test_a_file_that_cannot_be_written_fails_the_report(place: Any) -> None:
    place.fill()
    job = await place.order()
    (Path(place.settings.data_dir) / "files" / job.id).write_bytes(b"in the way")
    async with place.running():
        ended = await place.ended(job)
    assert isinstance(ended, Job)
    job = ended
    assert (job.status, job.reason) == (JobStatus.FAILED, "the report's file could not be written")


@pytest.mark.parametrize("lost", [False, True])
async def test_a_state_that_is_away_for_a_while_costs_no_report(place: Any, lost: bool) -> None:
    place.fill()
    job = await place.order()
    with contextlib.closing(State(f"sqlite:///{place.settings.data / 'state.db'}")) as state:
        state.jobs = failing = FailingJobs(state.database)
        failing.lost = lost
        async with place.running(place.runner(state=state)):
            await place.ended(job)
    ended = place.state.jobs.get(job.id)
    assert (ended.status, ended.tries) == (JobStatus.COMPLETE, 1)
    assert await place.read(ended) == place.filled


async def test_events_loaded_a_second_time_while_a_report_is_made_count_once(
    make_place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    place = make_place(store_type=Doubling)
    place.store.write("SYSTEM STOP MERGES events", {})
    given = [{"timestamp": n, "batch": str(uuid.UUID(int=1)), "sequence": n + 1} for n in range(1_000)]
    place.load(given)
    before = await finish(place)
    place.store.double = lambda: place.load(given[::3])
    during = await finish(place, output={"asOf": before.watermark_ms})
    assert "trying again with all merged" in caplog.text
    caplog.clear()
    after = await finish(place, output={"asOf": before.watermark_ms})
    assert "trying again" not in caplog.text
    assert [(job.status, job.rows, job.sha256) for job in (before, during, after)] == [
        (JobStatus.COMPLETE, 1_000, before.sha256)
    ] * 3
