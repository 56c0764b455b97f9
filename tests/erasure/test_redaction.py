"""Conditions that named a person who was erased name nobody any more, in the state and in its file."""

import asyncio
from typing import Any

import msgspec
from erased import OTHER, VALUE

from footfall.state import SavedView, Schedule, Share, State, User
from footfall.wire import ReportFilter

ASKED = f"user:one of:a\\|b|{VALUE}"


def ask(state: State) -> None:
    """Ask for the person in a schedule, a view and a shared link, and for others too."""
    state.users.add(User(id="ann", password_hash="", account="a", created_ms=1))
    body = msgspec.json.encode({"filter": {"customer": "C", "product": "SHOP", "where": [ASKED]}}).decode()
    every = {"every": "day", "timezone": "UTC", "grace_s": 0, "correction_days": 0, "correction": "full"}
    times = {"created_ms": 1, "next_start_ms": 2**50, "next_due_ms": 2**50}
    state.schedules.add(Schedule(id="s", user="ann", account="a", name="n", body=body, **every, **times), 9)
    given = {"customer": ["*"], "where": [f"user:is:{VALUE}", f"user:is:{OTHER}", f"context1:is_not:{VALUE}"]}
    times = {"created_ms": 1, "changed_ms": 1}
    owner = {"account": "a", "user": "ann", "call": "counts", "parameters": given}
    state.views.put(SavedView(id="v", customer="", name="v", **owner, **times), 9)
    owner["parameters"] = {"step": [f"OPENED:user:is:{VALUE}", "BOUGHT"]}
    state.shares.add(Share(id="l", token_hash="h", title="t", **owner, created_ms=1, expires_ms=2**50), 9)


async def test_conditions_that_named_the_person_name_nobody_and_the_file_has_no_trace(node: Any) -> None:
    here = node()
    async with here.open():
        await here.fill()
        ask(here.state)
        here.make_report("asked", filter=ReportFilter(customer="C", product="SHOP", where=(ASKED,)))
        assert any("state.db" in place for place in here.places(VALUE))
        # A report that is being made has its filter in memory: the work waits for its end.
        waiting = here.queue_report("waiting", filter=ReportFilter(customer="D", product="SHOP", where=(ASKED,)))
        ordered = here.order()
        for _ in range(2_000):
            await here.step()
            if here.erasures.find(ordered.id).receipt.redacted:
                break
            await asyncio.sleep(0.01)
        assert here.erasures.find(ordered.id).status == "store"
        assert here.state.jobs.cancel(waiting, here.clock.now_ms(), "nobody waits")
        told = await here.finish(ordered.id)
        assert here.places(VALUE) == []
    assert told.receipt.redacted == (
        "the report JOB-asked",
        "the schedule s",
        "the view v",
        "the shared link l",
        "the report JOB-waiting",
    )
    assert not any("which names the value" in text for text in told.receipt.out_of_reach)
    (view,), (share,) = here.state.views.visible("a", (), None), here.state.shares.all("a", 0)
    assert view.parameters["where"] == ["user:is:(erased)", f"user:is:{OTHER}", "context1:is not:(erased)"]
    assert share.parameters["step"] == ["OPENED:user:is:(erased)", "BOUGHT"]
    assert '"user:one of:a\\\\|b|(erased)"' in here.state.schedules.get("s").body
    report = here.state.jobs.get("asked")
    assert report.filter.where == ("user:one of:a\\|b|(erased)",)
    assert "(erased)" in report.manifest


async def test_what_is_also_about_others_stays_and_a_restored_state_is_redacted_again(node: Any) -> None:
    here = node()
    async with here.open():
        await here.fill()
        ask(here.state)
        told = await here.erase(customers=("C",), products=("SHOP",))
        assert told.receipt.redacted == ("the schedule s",)
        named = [text for text in told.receipt.out_of_reach if "which names the value" in text]
        assert [text.removeprefix("the condition of ").partition(",")[0] for text in named] == [
            "the view v",
            "the shared link l",
        ]
        # As a restore brings it back from a backup that was made before.
        here.state.schedules.remove("s")
        kept = next(each for each in here.state.erasures.conditions() if each.column == "view")
        body = kept.text.replace('"*"', '"C"').replace("{", '{"product":["SHOP"],', 1)
        assert here.state.erasures.rewrite(kept, body)
        here.start()
        await asyncio.to_thread(here.eraser.tick)
        (view,) = here.state.views.visible("a", (), None)
        assert view.parameters["where"][0] == "user:is:(erased)"
