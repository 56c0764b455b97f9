"""Near the end of a disk reports stop first: events are accepted, and finished files handed out, for longer."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from small_disk import small_disk

from footfall.files import Files, FilesFailed
from footfall.journal import Folder, Journal
from footfall.settings import Settings
from footfall.state import JobStatus

MIB = 1 << 20
KEPT = "the disk is nearly full: {} bytes of it are kept free for events"
ADVICE = "; remove reports, or have room made, and start the report again"


def test_a_report_stops_before_the_disk_that_events_need(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8 * MIB) as disk:
        settings = Settings(data_dir=str(disk), disk_free_bytes_min=2 * MIB, report_disk_spare_bytes=MIB)
        files, free = Files(settings), []

        def blocks(size: int) -> Iterator[bytes]:
            for _ in range(size // 100_000):
                yield bytes(100_000)
                at = os.statvfs(disk)
                free.append(at.f_bavail * at.f_frsize)

        assert files.put("small", blocks(2 * MIB)) > 0
        with pytest.raises(FilesFailed) as caught:
            files.put("large", blocks(20 * MIB))
        assert caught.value.reason == KEPT.format(3 * MIB) + ADVICE
        # What one page of the file system is not full of may be missing.
        assert min(free) >= 3 * MIB - 65_536
        assert [path.name for path in (disk / "files").iterdir()] == ["small"]
        # The room that it took is there again.
        assert files.put("another", blocks(2 * MIB)) > 0
        # On a disk of their own, files may have all of it.
        elsewhere = structs.replace(settings, data_dir=str(tmp_path), files_url=f"file://{disk}/files")
        assert Files(elsewhere).put("third", blocks(2 * MIB)) > 0


async def test_events_and_downloads_go_on_where_reports_have_stopped(place: Any) -> None:
    place.load([{"timestamp": 1}])
    spare = 1 << 60
    narrow = structs.replace(place.settings, report_disk_spare_bytes=spare)

    finished = await place.make()
    job = await place.order()
    async with place.running(place.runner(settings=narrow, files=Files(narrow))):
        ended = await place.ended(job)
    journal = Journal(Folder(narrow.data / "journal"), narrow, place.clock)
    writing = asyncio.create_task(journal.run())
    await journal.append(events=b'{"customer":"C"}\n')
    journal.close()
    await writing
    read = await place.read(finished)
    assert (ended.status, ended.reason) == (
        JobStatus.FAILED,
        KEPT.format(spare + place.settings.disk_free_bytes_min) + ADVICE,
    )
    assert read == b"1|T|a\n"
