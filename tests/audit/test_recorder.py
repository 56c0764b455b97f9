"""Writing the audit log: durable before the answer, many at once, bounded when strangers flood it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from states import state_url

from footfall.audit import Audit, AuditEvent
from footfall.audit.floods import PAIRS_MAX
from footfall.errors import Code, RequestRefused
from footfall.settings import Settings
from footfall.state import State, StateUnavailable


class Clock:
    def now_ms(self) -> int:
        return 1_700_000_000_000


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with closing(State(state_url(tmp_path))) as state:
        yield state


@contextlib.asynccontextmanager
async def opened(state: State, **changes: Any) -> AsyncIterator[Audit]:
    audit = Audit(state, Settings(**changes), Clock(), "node")
    try:
        yield audit
    finally:
        await audit.close()


def written(state: State) -> list[tuple[str, str, str, dict[str, Any]]]:
    found = state.audit.following(0, 1_000)
    return [(each.action, each.outcome, each.who, msgspec.json.decode(each.details)) for each in found]


async def test_an_entry_is_on_disk_when_the_call_goes_on(state: State) -> None:
    async with opened(state) as audit:
        await audit.record(AuditEvent(action="a", who="anna", details={"n": 1}))
        assert written(state) == [("a", "ok", "anna", {"n": 1})]


def test_nothing_that_was_asked_is_hidden_behind_something_long() -> None:
    asked = {
        "padding": "x" * 10_000,
        "customer": ["SECRET", "y" * 5_000],
        **{f"n{number}": "z" for number in range(900)},
    }
    entry = AuditEvent(action="a", details={"asked": {**asked, "p" * 9_000: "1", "p" * 9_001: "2", "n": 7}}).entry(
        1, "here"
    )
    told = msgspec.json.decode(entry.details)["asked"]
    assert told["padding"] == "x" * 32 + "... (10000 characters)"
    assert told["customer"] == ["SECRET", "y" * 32 + "... (5000 characters)"]
    assert [value for name, value in told.items() if name.startswith("p" * 32)] == ["1", "2"]
    assert (told["n899"], told["n"]) == ("z", 7)
    assert len(entry.details) < 20_000


async def test_what_comes_at_once_is_written_together(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, append = [], state.audit.append
    monkeypatch.setattr(state.audit, "append", lambda entries: (sizes.append(len(entries)), append(entries)))
    async with opened(state) as audit:
        await asyncio.gather(*(audit.record(AuditEvent(action=f"a{number}")) for number in range(300)))
    assert sum(sizes) == 300
    assert len(sizes) <= 3
    assert [each[0] for each in written(state)] == [f"a{number}" for number in range(300)]


async def test_a_read_counts_once_in_a_minute_and_another_one_too(state: State) -> None:
    async with opened(state) as audit:
        for target in ("x", "x", "y", "x"):
            await audit.record_read(AuditEvent(action="read", who="anna", account="1", target=target))
        await audit.record_read(AuditEvent(action="read", who="zoe", account="2", target="x"))
        for _ in range(3):
            audit.note(AuditEvent(action="denied", outcome="denied", account="1"))
            audit.signed_in(AuditEvent(action="sign-in", account="1", address="192.0.2.1"))
            audit.signed_in(AuditEvent(action="sign-in", account="1", address="192.0.2.1", key="k"))
    assert [each[0] for each in written(state)] == ["read"] * 3 + ["denied", "sign-in", "sign-in"]


async def test_a_flood_of_failed_sign_ins_is_bounded_and_counted(state: State) -> None:
    async with opened(state) as audit:
        for number in range(20_000):
            audit.sign_in_failed("", f"198.51.{number // 250 % 200}.{number % 250}")
            if number % 100 == 0:
                await asyncio.sleep(0)
        for _ in range(50):
            audit.sign_in_failed("anna", "198.51.0.1")
    found = written(state)
    assert len(found) <= 2 * PAIRS_MAX + 1
    assert {each[:2] for each in found} == {("sign-in", "failed")}
    assert sum(each[3]["times"] for each in found) == 20_050


async def test_failures_of_one_user_are_an_entry_at_once_and_one_later(state: State) -> None:
    async with opened(state) as audit:
        for _ in range(5):
            audit.sign_in_failed("anna", "192.0.2.1")
        await audit.record(AuditEvent(action="other"))
        assert written(state)[0] == ("sign-in", "failed", "anna", {"times": 1})
    assert written(state)[2:] == [("sign-in", "failed", "anna", {"times": 4})]


async def test_a_state_that_is_away_refuses_the_call_and_the_log_has_the_entry(
    state: State, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise StateUnavailable("the disk is full")

    async with opened(state) as audit:
        with monkeypatch.context() as patch:
            patch.setattr(state.audit, "append", fail)
            with pytest.raises(RequestRefused) as refused:
                await audit.record(AuditEvent(action="report.download", who="anna", target="JOB-1"))
        assert refused.value.code is Code.SERVICE_UNAVAILABLE
        assert "not in the audit log (the disk is full): 'anna'" in caplog.text
        assert "report.download ok 'JOB-1'" in caplog.text
        await audit.record(AuditEvent(action="b"))
    assert [each[0] for each in written(state)] == ["b"]


async def test_nothing_is_written_where_it_is_switched_off(state: State) -> None:
    async with opened(state, audit=False) as audit:
        await audit.record(AuditEvent(action="a"))
        await audit.record_read(AuditEvent(action="a"))
        audit.note(AuditEvent(action="a"))
        audit.signed_in(AuditEvent(action="a"))
        audit.sign_in_failed("anna", "192.0.2.1")
    assert written(state) == []
