"""Workers that are killed at any point of an erasure: the next goes on, and at the end all is as if none had been."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from erased import OTHER, VALUE, back_up_node

DYING = Path(__file__).parents[1] / "programs" / "die_while_erasing.py"
POINTS = 7


async def test_an_erasure_outlives_each_worker_that_is_killed_over_it(node: Any, tmp_path: Path) -> None:
    here = node()
    async with here.open():
        await here.fill()
        with_person = here.make_report("with")
        await asyncio.to_thread(back_up_node, here, tmp_path / "backup")
    ordered = here.order()
    command = [sys.executable, DYING, msgspec.json.encode(here.settings).decode()]
    told_by = await asyncio.to_thread(subprocess.run, command, timeout=120, check=True, capture_output=True, text=True)
    ends = [line.partition(":")[0] for line in told_by.stdout.splitlines()]
    assert ends == ["killed"] * POINTS, told_by.stdout
    assert here.erasures.find(ordered.id).status != "done"
    told = await here.finish(ordered.id)
    assert (here.places(VALUE), here.stored_people()) == ([], [OTHER] * 6)
    assert not list(here.data.rglob("*.draft"))
    assert [(one.customer, one.events) for one in told.receipt.events] == [("C", 6)]
    assert [(one.source, one.file) for one in told.receipt.reports] == [("JOB-with", "removed")]
    assert (here.has_file(with_person), here.state.jobs.get("with").erased_ms is None) == (False, False)
    assert (tmp_path / "backup" / "tombstones.json").exists()
