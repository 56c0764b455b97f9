"""What is past the time for which its product and type are kept goes from everywhere, and stays away."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from erased import back_up_node, event, run, unpacked
from expired import RULES
from msgspec import structs
from rolled_up import count_days

from footfall.integrity import Expiry, Rebuilding, RebuildPlan, Verification, erased_persons, no_progress
from footfall.settings.retention import RetentionRule
from footfall.usage import RollupKeeper, Rollups, Scope

KEPT = ["BOUGHT old", "OPENED new"]


async def fill(here: Any) -> None:
    """Old and new events that a rule takes and that none takes, in store, archive, quarantine and aside."""
    for number in range(2):
        await here.post(event("OPENED", "old", timestamp=here.ago(40)), key=f"old{number}")
    await here.post(event("OPENED", "new", timestamp=here.ago(3)), event("BOUGHT", "old", "hat"), key="kept")
    await here.post(event("OPENX", "old"), event("OPENX", "new", timestamp=here.ago(3)), key="held")
    await here.load()
    (here.data / "aside").mkdir()
    (here.data / "aside" / here.archived()[0].name).write_bytes(here.archived()[0].read_bytes())


def lines(path: Path) -> list[str]:
    found = [json.loads(line) for content in list(unpacked(path.read_bytes()))[1:2] for line in content.splitlines()]
    return [f"{line['type']} {line['context'][0]}" for line in found]


def told_by_command(here: Any) -> Any:
    """What `footfall retention` says of the rule."""
    rules = json.dumps([{"product": "SHOP", "type": "OPEN*", "days": 30}], separators=(",", ":"))
    (found,) = json.loads(run(here, f"--set retention_rules={rules} retention --json").stdout)
    return found


def verify(here: Any) -> Any:
    # A store that other nodes do not write to.
    alone = structs.replace(here.settings, events_url="embedded")
    persons = erased_persons(here.state, here.name)
    return Verification(alone, here.store, here.clock, no_progress, persons).run()


async def test_what_is_past_goes_and_all_else_stays(node: Any) -> None:
    here = node()
    async with here.open():
        await fill(here)
        tried = await asyncio.to_thread(told_by_command, here)
        assert (tried["inForce"], tried["past"], here.state.retention.all()) == (False, 2, [])
        here.start(RULES)
        await here.settle()
        told = await asyncio.to_thread(told_by_command, here)
        assert (told["inForce"], told.get("past"), told["removed"]) == (True, None, 2)
        assert (here.kinds(), here.kinds("quarantine")) == (KEPT, ["OPENX new"])
        archived = Counter(line for path in here.archived() for line in lines(path))
        assert archived == {"BOUGHT old": 1, "OPENED new": 1, "OPENX new": 1}
        assert list((here.data / "aside").iterdir()) == []
        (cutoff,) = here.state.retention.all()
        assert (cutoff.removed, cutoff.kept_out, here.expirer.events_removed) == (2, 0, 2)
        (run,) = here.state.retention.runs(10)
        assert (run.events, run.touched, run.ended_ms is not None) == (2, "[]", True)
        verified = await asyncio.to_thread(verify, here)
        assert (verified.past, verified.archive.events, verified.compared.total("good")) == (Expiry(1, {}), 2, 2)
        # The segment that was set aside had nothing else, and is gone.
        assert verified.problems == {}


async def test_no_late_event_rebuild_or_restore_brings_back_what_is_past(node: Any, tmp_path: Path) -> None:
    here, alone = node(), tmp_path / "backup"
    async with here.open():
        await fill(here)
        archived = [(path, path.read_bytes()) for path in here.archived()]
        await asyncio.to_thread(back_up_node, here, alone)
        here.start(RULES)
        await here.settle()
        await here.post(event("OPENED", "old", timestamp=here.ago(40)), key="old0")
        await here.post(event("OPENED", "late", timestamp=here.ago(31)), event("BOUGHT", "late", "hat"), key="late")
        await here.post(event("OPENX", "late"), key="held late")
        await here.load()
        kept = sorted([*KEPT, "BOUGHT late"])
        assert (here.kinds(), here.kinds("quarantine")) == (kept, ["OPENX new"])
        (cutoff,) = here.state.retention.all()
        assert (cutoff.kept_out, here.tombstones.events_past) == (3, 3)
        # Somebody puts the old files back, and has the table made anew from them.
        for path, content in archived:
            path.write_bytes(content)
        assert {name.partition("/")[0] for name in (await asyncio.to_thread(verify, here)).past.events} == {"archive"}
        settings = structs.replace(here.settings, events_url="embedded")
        persons = erased_persons(here.state, here.name)
        await asyncio.to_thread(Rebuilding(settings, here.store, here.clock, no_progress, persons).run, RebuildPlan())
        assert (here.kinds(), here.kinds("quarantine")) == (kept, ["OPENX new"])
        # The rule is dropped: what has gone stays away, and what is sent anew is taken.
        here.start([])
        await here.settle()
        await here.post(event("OPENED", "anew", timestamp=here.ago(40)), key="anew")
        for path, content in archived[:1]:
            (here.data / "journal" / path.name).write_bytes(content)
        await here.load()
        assert here.kinds() == sorted([*kept, "OPENED anew"])
    for rules in ([], RULES):
        there = await asyncio.to_thread(node, alone, retention_rules=rules)
        async with there.open():
            await there.load()
            assert (there.kinds(), there.kinds("quarantine")) == (KEPT, ["OPENX new"])


async def test_each_day_goes_when_it_is_past_and_all_counts_are_those_of_the_events(node: Any) -> None:
    rules = [RetentionRule(type="OPENED", days=-1), RetentionRule(product="SHOP", days=2)]
    here = node(rollup_quiet_s=0)
    keeper = RollupKeeper(here.state, here.store, here.settings, here.clock, here.name)
    rollups = Rollups(here.store, here.settings.late_after_s * 1000)

    def counted() -> tuple[int, int, int]:
        """Events by their rows and by the counts of days, and the days that have no counts."""
        ((rows,),) = here.store.rows("SELECT count() FROM events FINAL", {})
        _, waiting = rollups.rolled_up(Scope(), 2**62, dict)
        return rows, sum(one.events for one in rollups.count(Scope(), 2**62, dict).values()), len(waiting)

    async with here.open():
        for days in (2, 3, 4):
            await here.post(*[event("BOUGHT", f"{days}", "hat", timestamp=here.ago(days))] * 2, key=f"{days}")
        await here.post(event("OPENED", "4", timestamp=here.ago(4)), key="kept")
        await here.load()
        await asyncio.to_thread(count_days, keeper)
        assert counted() == (7, 7, 0)
        here.start(rules)
        await here.settle()
        assert here.kinds() == ["BOUGHT 2", "BOUGHT 2", "OPENED 4"]
        # The two days that have lost events are counted from those that are left, until they are counted anew.
        assert counted() == (3, 3, 2)
        await asyncio.to_thread(count_days, keeper)
        assert counted() == (3, 3, 0)
        here.turned.days_ahead = 1
        await here.settle()
        assert (here.kinds(), counted()[:2]) == (["OPENED 4"], (1, 1))
