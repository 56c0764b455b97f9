"""What an erased person could come back by: late retries, a rebuild, a restored backup. And who may come back."""

import asyncio
from pathlib import Path
from typing import Any

from erased import OTHER, VALUE, back_up_node, event, find_value
from msgspec import structs

from footfall.integrity import Rebuilding, RebuildPlan, Verification, no_progress

OTHERS = [OTHER] * 7


async def test_no_retry_rebuild_or_restore_brings_a_person_back(node: Any, tmp_path: Path) -> None:
    here, before, after = node(), tmp_path / "before", tmp_path / "after"
    async with here.open():
        await here.fill()
        # These are in the journal still when the backup is made.
        waiting = (event("OPENED", VALUE), event("OPENED", OTHER, customer="E"))
        await here.post(*waiting, key="waiting")
        here.make_report("with")
        await asyncio.to_thread(back_up_node, here, before)
        told = await here.erase()
        await here.post(*waiting, key="waiting")
        await here.post(event("BOUGHT", VALUE, "late"), key="new")
        await here.post(event("SOLD", VALUE), key="broken")
        await here.load()
        assert (here.stored_people(), here.places(VALUE)) == (OTHERS, [])
        # Three that came after the order, and the one that waited, unless it was in the store already.
        assert here.erasures.find(told.id).kept_out in (3, 4)
        # A store that other nodes do not write to.
        alone = structs.replace(here.settings, events_url="embedded")
        await asyncio.to_thread(Rebuilding(alone, here.store, here.clock, no_progress).run, RebuildPlan())
        assert (here.stored_people(), here.places(VALUE)) == (OTHERS, [])
        verified = await asyncio.to_thread(Verification(alone, here.store, here.clock, no_progress).run)
        assert verified.problems == {}
        await asyncio.to_thread(back_up_node, here, after)
        # Whoever comes back after the erasure is there again.
        await here.post(event("OPENED", VALUE, timestamp=here.clock.now_ms() + 60_000))
        await here.load()
        assert here.stored_people() == [*OTHERS, VALUE]
    assert [(one.place, one.tombstone) for one in told.receipt.backups] == [(str(before), True)]
    assert (find_value(before, VALUE) != [], find_value(after, VALUE)) == (True, [])
    for where in (before, after):
        there = await asyncio.to_thread(node, where)
        async with there.open():
            await there.load()
        assert (there.stored_people(), there.places(VALUE)) == (OTHERS, [])
        job = there.state.jobs.get("with")
        assert (job.removed, there.has_file(job)) == (True, False)
        assert job.erased_ms is not None
