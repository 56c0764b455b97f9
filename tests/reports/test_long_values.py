"""Values as long as the service accepts them, in numbers that fit into no memory at once."""

import asyncio
from typing import Any

import msgspec
import pytest

from footfall.state import JobStatus

VALUE_CHARS, EVENTS, PARTS = 60_000, 8_000, 8


@pytest.mark.parametrize("file_format", ["csv", "arrow"])
def test_long_values_are_given_in_small_blocks(place: Any, caplog: pytest.LogCaptureFixture, file_format: str) -> None:
    for part in range(PARTS):
        place.load(
            {"timestamp": n * PARTS + part, "context": [f"{n:08d}" + "x" * VALUE_CHARS], "sequence": n + 1}
            for n in range(EVENTS // PARTS)
        )
    settings = msgspec.structs.replace(place.settings, report_memory_bytes_max=512 * 1024 * 1024)

    async def make() -> Any:
        job = await place.order(output={"format": file_format})
        async with place.running(place.runner(settings=settings)):
            return await place.ended(job, within_s=200)

    job = asyncio.run(make())
    assert (job.status, job.reason, job.rows) == (JobStatus.COMPLETE, None, EVENTS)
    assert job.bytes > VALUE_CHARS * EVENTS
    assert "trying again in small blocks" in caplog.text
