"""A journal on a real folder, run for the length of a test."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from footfall.journal import Disk, Folder, Journal
from footfall.journal.disk import ORDINARY_PACE, CommitPace
from footfall.settings import Settings
from footfall.system.clock import SystemClock


@contextlib.asynccontextmanager
async def running(
    folder: Path, disk: Disk | None = None, pace: CommitPace = ORDINARY_PACE, **changes: int
) -> AsyncIterator[Journal]:
    journal = Journal(Folder(folder, disk), Settings(disk_free_bytes_min=0, **changes), SystemClock(), pace)
    task = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        journal.close()
        await task


@pytest.fixture
def ordinary_journal(tmp_path: Path) -> Callable[..., contextlib.AbstractAsyncContextManager[Journal]]:
    """Opens the journal in the test's folder, on a disk of the test's own if it has one; `changes` are settings."""
    return lambda disk=None, pace=ORDINARY_PACE, **changes: running(tmp_path / "journal", disk, pace, **changes)


@pytest.fixture(params=["on the loop", "on the thread"])
def journal(
    request: pytest.FixtureRequest, ordinary_journal: Any
) -> Callable[..., contextlib.AbstractAsyncContextManager[Journal]]:
    """The same, with commits on the event loop as if every disk were quick, or never there."""
    pace = CommitPace(quick_s=math.inf) if request.param == "on the loop" else CommitPace(short_bytes_max=-1)
    return partial(ordinary_journal, pace=pace)
