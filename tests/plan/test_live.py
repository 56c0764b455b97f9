"""The plan in force changes for a good one at once, and for a bad one not at all."""

import threading
import time

import pytest

from footfall.plan import LivePlan, PlanInvalid, load_plan
from footfall.service.plan_reloader import PlanReloader
from footfall.settings import Settings
from footfall.wire import StoredEvent


def write(path, kind):
    path.write_text(f"[products.P]\ncolumns = ['k']\ntypes.{kind} = ['k']\n")


def event(kind):
    return StoredEvent(customer="C", product="P", type=kind, timestamp=1, context=["v"])


def test_reload_puts_a_good_plan_in_force(tmp_path):
    path = tmp_path / "plan.toml"
    write(path, "OLD")
    live = LivePlan(path, Settings())
    before = live.checker
    write(path, "NEW")
    assert live.checker is before
    assert live.reload() is None
    assert live.plan.fingerprint != before.plan.fingerprint
    assert live.checker.plan is live.plan
    assert live.checker.check([event("NEW")]) == []
    assert [refused.index for refused in live.checker.check([event("NEW"), event("OLD")])] == [1]
    assert before.check([event("OLD")]) == []


@pytest.mark.parametrize(
    ("spoil", "line"), [(lambda path: path.write_text("x = "), ":1"), (lambda path: path.unlink(), "")]
)
def test_bad_plan_leaves_the_old_one_in_force(tmp_path, spoil, line):
    path = tmp_path / "plan.toml"
    write(path, "OLD")
    live = LivePlan(path, Settings())
    plan, checker = live.plan, live.checker
    spoil(path)
    error = live.reload()
    assert isinstance(error, PlanInvalid)
    assert str(error).startswith(f"{path}{line}: ")
    assert live.plan is plan
    assert live.checker is checker
    write(path, "NEW")
    assert live.reload() is None
    assert live.plan.types[0].name == "NEW"


def test_first_plan_must_be_good(tmp_path):
    with pytest.raises(PlanInvalid):
        LivePlan(tmp_path / "none.toml", Settings())


def test_no_path_means_the_packaged_plan():
    live = LivePlan(None, Settings(plan_mode="open"))
    assert live.plan == load_plan(None)
    assert live.checker.check([event("ANY")]) == []
    assert live.reload() is None


def test_who_asks_goes_on_while_a_plan_is_read(tmp_path, monkeypatch):
    path = tmp_path / "plan.toml"
    write(path, "OLD")
    live = LivePlan(path, Settings())
    began, may_end, readings = threading.Event(), threading.Event(), []
    read = LivePlan.reload

    def slow(plan):
        began.set()
        assert may_end.wait(30)
        readings.append(path.read_text())
        return read(plan)

    monkeypatch.setattr(LivePlan, "reload", slow)

    reloading = PlanReloader(live)
    reloading.ask()
    assert began.wait(30)
    # Asked for again in the meantime, it is read once more, and not three times.
    for kind in ("SECOND", "THIRD", "NEW"):
        write(path, kind)
        reloading.ask()
    assert live.plan.types[0].name == "OLD"
    may_end.set()
    deadline = time.monotonic() + 60
    while reloading._is_reading:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(readings) == 2
    assert live.plan.types[0].name == "NEW"
