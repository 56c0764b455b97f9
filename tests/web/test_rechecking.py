"""Whoever loses the right to an answer while it is made, or waited for, does not get it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from footfall.accounts import Accounts
from footfall.reports import Reports
from footfall.state import JobRepository, State
from footfall.web import rechecking

DEADLINE_S = 20


def remove(state: State, _: str) -> None:
    state.users.remove("anna")


def change_password(state: State, _: str) -> None:
    state.users.set_password("anna", "another hash")


def take_customer(state: State, _: str) -> None:
    state.users.change_customers("anna", revoked=["BARCHART"])


def revoke_key(state: State, key: str) -> None:
    state.keys.remove(key)


@pytest.mark.parametrize("call", ["/reports/JOB-{}/availability?wait=50", "/reports/JOB-{}?wait=50"])
@pytest.mark.parametrize(
    ("lose", "status"), [(remove, 401), (change_password, 401), (revoke_key, 401), (take_customer, 404)]
)
async def test_a_wait_ends_without_the_report_for_whoever_may_not_have_it_any_more(
    service: Any, monkeypatch: Any, call: str, lose: Callable[[State, str], None], status: int
) -> None:
    asked = asyncio.Event()
    ask = JobRepository.running_among
    loop = asyncio.get_running_loop()

    def note(self: JobRepository, ids: set[str]) -> set[str]:
        loop.call_soon_threadsafe(asked.set)
        return ask(self, ids)

    monkeypatch.setattr(JobRepository, "running_among", note)
    async with service() as opened:
        job = await opened.start()
        key = (await opened.anna.post("/keys", json={"name": "k", "scopes": ["report"]})).json()
        auth = httpx.BasicAuth("anna", key["key"]) if lose is revoke_key else opened.anna.auth
        waiting = asyncio.ensure_future(opened.client.get(call.format(job.id), auth=auth))
        await asyncio.wait_for(asked.wait(), DEADLINE_S)
        lose(opened.state, key["id"])
        opened.state.jobs.cancel(job.id, 2, "cancelled")
        answer = await asyncio.wait_for(waiting, DEADLINE_S)
    assert (answer.status_code, job.id in answer.text) == (status, False)


@pytest.mark.parametrize(
    ("lose", "status"), [(remove, 401), (change_password, 401), (revoke_key, 401), (take_customer, 403)]
)
async def test_an_answer_that_took_its_time_is_not_told_to_whoever_may_not_have_it_any_more(
    service: Any, monkeypatch: Any, lose: Callable[[State, str], None], status: int
) -> None:
    async with service() as opened:
        await opened.start()
        key = (await opened.anna.post("/keys", json={"name": "k", "scopes": ["report"]})).json()
        auth = httpx.BasicAuth("anna", key["key"]) if lose is revoke_key else opened.anna.auth
        monkeypatch.setattr(Reports, "list", meanwhile(Reports.list, lambda: lose(opened.state, key["id"])))
        monkeypatch.setattr(rechecking, "RECHECKED_AFTER_S", 0)
        answer = await opened.client.get("/reports", auth=auth)
    assert (answer.status_code, "BARCHART" in answer.text) == (status, False)


async def test_an_answer_that_is_quick_is_not_checked_again(service: Any, monkeypatch: Any) -> None:
    renewed: list[Any] = []
    monkeypatch.setattr(rechecking, "RECHECKED_AFTER_S", 1_000)
    monkeypatch.setattr(Accounts, "renew", lambda *given: renewed.append(given))
    async with service() as opened:
        assert (await opened.anna.get("/reports")).status_code == 200
    assert renewed == []


def meanwhile(call: Callable[..., Awaitable[Any]], happens: Callable[[], None]) -> Callable[..., Awaitable[Any]]:
    """The call, at the end of which something has happened."""

    async def slow(*given: Any) -> Any:
        found = await call(*given)
        happens()
        return found

    return slow
