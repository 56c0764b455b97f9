"""A journal on a real folder, run for the length of a test."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from footfall.journal import Disk, Folder, Journal, log
from footfall.settings import Settings
from footfall.system.clock import SystemClock


@contextlib.asynccontextmanager
async def running(folder: Path, disk: Disk | None = None, **changes: int) -> AsyncIterator[Journal]:
    journal = Journal(Folder(folder, disk), Settings(disk_free_bytes_min=0, **changes), SystemClock())
    task = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        journal.close()
        await task


@pytest.fixture
def ordinary_journal(tmp_path: Path) -> Callable[..., contextlib.AbstractAsyncContextManager[Journal]]:
    """Opens the journal in the test's folder, on a disk of the test's own if it has one; `changes` are settings."""
    return lambda disk=None, **changes: running(tmp_path / "journal", disk, **changes)


@pytest.fixture(params=["on the loop", "on the thread"])
def journal(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, ordinary_journal: Any
) -> Callable[..., contextlib.AbstractAsyncContextManager[Journal]]:
    """The same, with commits on the event loop as if every disk were quick, or never there."""
    if request.param == "on the loop":
        monkeypatch.setattr(log, "QUICK_S", math.inf)
    else:
        monkeypatch.setattr(log, "SHORT_COMMIT_BYTES_MAX", -1)
    return ordinary_journal
