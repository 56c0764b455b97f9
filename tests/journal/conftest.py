"""A journal on a real folder, run for the length of a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from footfall.clock import SystemClock
from footfall.journal import Disk, Folder, Journal
from footfall.settings import Settings


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
def journal(tmp_path: Path) -> Callable[..., contextlib.AbstractAsyncContextManager[Journal]]:
    """Opens the journal in the test's folder, on a disk of the test's own if it has one; `changes` are settings."""
    return lambda disk=None, **changes: running(tmp_path / "journal", disk, **changes)
