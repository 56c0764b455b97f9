"""Calls that wait until a report has ended: what they answer, when, and how many there may be."""

import asyncio
import contextlib
import json

import httpx
import pytest
import uvicorn

from footfall import web
from footfall.ingest import Collector
from footfall.plan import LivePlan
from footfall.reports import parse_wait
from footfall.settings import Settings
from footfall.state import JobRepository, JobStatus, StateUnavailable
from footfall.web.asgi import ANSWER_NOW

DEADLINE_S = 20


async def until(holds):
    """Wait until a condition holds, within the time of a test."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
def polls(monkeypatch):
    """The sets of jobs that the state was asked for."""
    asked = []
    ask = JobRepository.running_among
    monkeypatch.setattr(JobRepository, "running_among", lambda self, ids: asked.append(set(ids)) or ask(self, ids))
    return asked


@pytest.mark.parametrize("call", ["/reports/JOB-{}/availability?wait=50", "/reports/JOB-{}?wait=50"])
async def test_the_answer_comes_when_the_report_has_ended_and_is_the_usual_one(service, polls, call):
    async with service() as opened:
        job = await opened.start()
        path = call.format(job.id)
        waiting = asyncio.ensure_future(opened.anna.get(path))
        await until(lambda: polls)
        assert not waiting.done()
        opened.state.jobs.claim("worker", 60_000)
        opened._end(job, JobStatus.COMPLETE, 1, 6, "0" * 64, None)
        answer = await asyncio.wait_for(waiting, DEADLINE_S)
        usual = await opened.anna.get(path.partition("?")[0])
        assert (answer.status_code, answer.content, [*answer.headers]) == (
            usual.status_code,
            usual.content,
            [*usual.headers],
        )
        if "availability" in call:
            assert answer.json()["status"] == "COMPLETE"


async def test_one_poll_serves_all_who_wait_and_nobody_is_asked_for_when_nobody_waits(service, polls, monkeypatch):
    # One id a statement.
    monkeypatch.setattr("footfall.state.jobs.ASKED_JOBS_MAX", 1)
    async with service() as opened:
        first, second = await opened.start(), await opened.start()
        paths = [f"/reports/JOB-{job.id}/availability?wait=50" for job in (first, second) for _ in range(10)]
        waiting = [asyncio.ensure_future(opened.anna.get(path)) for path in paths]
        await until(lambda: {first.id, second.id} in polls)
        for job in (first, second):
            opened.state.jobs.cancel(job.id, 2, "cancelled")
        answers = await asyncio.wait_for(asyncio.gather(*waiting), DEADLINE_S)
        assert {answer.json()["status"] for answer in answers} == {"FAILED"}
        asked = len(polls)
        # Far fewer than twenty that poll by themselves: two for each answer would be forty.
        assert asked < 20
        await asyncio.sleep(0.25)
        assert len(polls) == asked


async def test_a_report_that_still_runs_after_the_wait_is_answered_as_without_one(service):
    async with service(report_wait_max_s=1) as opened:
        job = await opened.start()
        answer = await opened.anna.get(f"/reports/JOB-{job.id}/availability", headers={"prefer": "wait=3600"})
        assert (answer.status_code, answer.json()["status"], answer.headers["retry-after"]) == (200, "RUNNING", "1")
        assert answer.headers["preference-applied"] == "wait=1"
        assert "footfall-warning" not in answer.headers
        link = await opened.anna.get(f"/reports/JOB-{job.id}?wait=1", headers={"accept": "text/csv"})
        assert (link.status_code, link.json()[0]["value"]["code"]) == (409, "EVENT_JOB_GET_FAILED_RUNNING")


async def test_a_wait_that_is_no_number_is_refused(service, polls):
    async with service() as opened:
        job = await opened.start()
        for wrong in ("", "-1", "1.5", "soon", "1e3", "٣", "9" * 10):
            answer = await opened.anna.get(f"/reports/JOB-{job.id}/availability", params={"wait": wrong})
            assert answer.status_code == 400, wrong
            (child,) = answer.json()[0]["children"]
            assert child["value"]["code"] == "REQUEST_PARAMETER_MALFORMED"
            assert child["value"]["message"] == "wait: must be a whole number of seconds, 0 or more"
        answer = await opened.anna.get(f"/reports/JOB-{job.id}/availability?wait=0&waits=1")
        assert answer.headers["footfall-warning"] == "unknown key waits; did you mean wait?"
        assert not polls


@pytest.mark.parametrize(
    ("query", "prefer", "expected"),
    [
        ({}, [], (0, False)),
        ({"wait": ["7"]}, ["wait=3"], (7, False)),
        ({"wait": ["7", "8"]}, [], (8, False)),
        ({"wait": ["99"]}, [], (50, False)),
        ({}, ["wait=3"], (3, True)),
        ({}, ["respond-async, WAIT = 4;x=y"], (4, True)),
        ({}, ["handling=lenient", 'wait="5"'], (5, True)),
        ({}, ["wait=soon, wait=6"], (6, True)),
        ({}, ["wait, wait=-1, wait="], (0, False)),
    ],
)
def test_the_parameter_comes_before_the_preference_of_which_what_cannot_be_read_is_ignored(query, prefer, expected):
    wanted = parse_wait(query, prefer, 50)
    assert (wanted.seconds, wanted.is_preference) == expected


async def test_those_who_wait_are_bounded_for_each_user_and_in_all(service, polls):
    async with service(report_waits_each_max=2, report_waits_max=3) as opened:
        job = await opened.start()
        own = (await opened.root.post("/reports", json={"filter": {"customer": "X", "product": "Y"}})).json()["source"]
        path = f"/reports/JOB-{job.id}/availability?wait=50"
        waiting = [asyncio.ensure_future(opened.anna.get(path)) for _ in range(2)]
        await until(lambda: polls)
        refused = await opened.anna.get(path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        text = "2 requests of yours wait for reports already, and no more may"
        assert refused.json()[0]["value"] == {"code": "REQUEST_RATE_LIMITED", "message": text}
        assert (await opened.anna.get(path.partition("?")[0])).status_code == 200
        waiting.append(asyncio.ensure_future(opened.root.get(f"/reports/{own}/availability?wait=50")))
        await until(lambda: any(len(asked) == 2 for asked in polls))
        refused = await opened.root.get(f"/reports/{own}/availability?wait=50")
        assert (refused.status_code, refused.json()[0]["value"]["code"]) == (503, "SERVICE_UNAVAILABLE")
        # Whoever gives up leaves room.
        for given_up in waiting:
            given_up.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        opened.state.jobs.cancel(job.id, 2, "cancelled")
        assert (await opened.anna.get(path)).json()["status"] == "FAILED"


async def test_a_wait_outlasts_the_state_that_is_away_for_a_while(service, monkeypatch, caplog):
    async with service() as opened:
        job = await opened.start()
        ask, asked = JobRepository.running_among, []

        def away(repository, ids):
            asked.append(ids)
            if len(asked) < 3:
                raise StateUnavailable("the state is away")
            return ask(repository, ids)

        monkeypatch.setattr(JobRepository, "running_among", away)
        waiting = asyncio.ensure_future(opened.anna.get(f"/reports/JOB-{job.id}/availability?wait=50"))
        await until(lambda: len(asked) == 2)
        opened.state.jobs.cancel(job.id, 2, "cancelled")
        assert (await asyncio.wait_for(waiting, DEADLINE_S)).json()["status"] == "FAILED"
        assert "trying again: the state is away" in caplog.text


@contextlib.asynccontextmanager
async def serving(app, journal):
    """The application behind a real socket and our connections."""
    settings = Settings()
    collector = Collector(journal, LivePlan(None, settings), settings, journal._clock)
    config = uvicorn.Config(
        app, http=web.events_protocol(collector, settings), lifespan="off", log_config=None, ws="none", port=0
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running
    collector.close()


async def test_a_wait_ends_when_the_service_stops_and_when_the_client_has_gone(service, polls):
    async with service() as opened:
        job = await opened.start()
        scopes, writers = [], []

        async def app(scope, receive, send):
            scopes.append(scope)
            await opened.app(scope, receive, send)

        path = f"/reports/JOB-{job.id}/availability?wait=50"
        async with serving(app, opened.journal) as (server, port):
            authorization = next(iter(opened.anna.auth.auth_flow(httpx.Request("GET", "http://x")))).headers
            head = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization['authorization']}\r\n\r\n"

            async def ask():
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(head.encode())
                seen = len(polls)
                await until(lambda: len(polls) > seen)
                writers.append(writer)
                return reader, writer

            # It sends no more, and is answered as things are; so a client that was killed holds no place.
            reader, writer = await ask()
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == "RUNNING"
            # It is gone.
            _, writer = await ask()
            writer.transport.abort()
            await until(scopes[-1][ANSWER_NOW].is_set)
            await until(lambda: not server.server_state.tasks)
            # The service stops.
            reader, _ = await ask()
            server.should_exit = True
            answer = await asyncio.wait_for(reader.read(), DEADLINE_S)
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == "RUNNING"
            assert b"connection: close" in answer
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
