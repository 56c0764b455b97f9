"""Workers that are killed at any point of a removal: the next goes on, and at the end all is as if none had been."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from erased import back_up_node, event
from expired import RULES
from msgspec import structs
from rolled_up import count_days

from footfall.usage import RollupKeeper, Rollups, Scope

DYING = Path(__file__).parents[1] / "programs" / "die_while_expiring.py"
POINTS = 7


async def test_a_removal_outlives_each_worker_that_is_killed_over_it(node: Any, tmp_path: Path) -> None:
    here = node(rollup_quiet_s=0)
    keeper = RollupKeeper(here.state, here.store, here.settings, here.clock, here.name)
    async with here.open():
        for number in range(3):
            old, new = (event("OPENED", "u", timestamp=here.ago(days)) for days in (40, 3))
            await here.post(old, new, event("BOUGHT", "u", "hat", timestamp=here.ago(40)), key=f"{number}")
        await here.load()
        await asyncio.to_thread(back_up_node, here, tmp_path / "backup")
    await asyncio.to_thread(count_days, keeper)
    given = structs.replace(here.settings, retention_rules=RULES)
    command = [sys.executable, DYING, msgspec.json.encode(given).decode()]
    told_by = await asyncio.to_thread(subprocess.run, command, timeout=120, check=True, capture_output=True, text=True)
    ends = [line.partition(":")[0] for line in told_by.stdout.splitlines()]
    assert ends == ["killed"] * POINTS, told_by.stdout
    assert not here.is_settled()
    here.start(RULES)
    await here.settle()
    assert here.kinds() == ["BOUGHT u"] * 3 + ["OPENED u"] * 3
    # The counts of the day that has lost events are not those of before.
    counts = Rollups(here.store, here.settings.late_after_s * 1000).count(Scope(), 2**62, dict)
    assert sum(one.events for one in counts.values()) == 6
    (cutoff,), (run,) = here.state.retention.all(), here.state.retention.runs(9)
    assert (cutoff.removed, run.events, run.ended_ms is not None) == (3, 3, True)
    assert not list(here.data.rglob("*.draft"))
    assert (tmp_path / "backup" / "tombstones.json").exists()
