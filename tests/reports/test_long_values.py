"""Values as long as the service accepts them, in numbers that fit into no memory at once."""

from typing import Any

import msgspec
import pytest

from footfall.state import JobStatus

VALUE_CHARS, EVENTS, PARTS = 60_000, 4_000, 8
# The store makes them itself, which takes a tenth of the time of loading as many bytes.
FILL = """
    INSERT INTO events (customer, product, type, timestamp, context, sequence, batch, received, admitted)
    SELECT 'C', 'P', 'T', number * {parts:UInt64} + {part:UInt64},
        [concat(leftPad(toString(number), 8, '0'), repeat('x', {chars:UInt64}))],
        number + 1, generateUUIDv4(), 1, 1
    FROM numbers({rows:UInt64})
"""


@pytest.mark.parametrize("file_format", ["csv", "arrow"])
async def test_long_values_are_given_in_small_blocks(
    place: Any, caplog: pytest.LogCaptureFixture, file_format: str
) -> None:
    for part in range(PARTS):
        place.store.write(FILL, {"parts": PARTS, "part": part, "chars": VALUE_CHARS, "rows": EVENTS // PARTS})
    # The engine reads small parts by whole granules: of eight that are not merged yet, 30 MiB each, whatever the block.
    # Large blocks take 700 MiB here, small ones 300.
    settings = msgspec.structs.replace(place.settings, report_memory_bytes_max=512 * 1024 * 1024)

    job = await place.order(output={"format": file_format})
    async with place.running(place.runner(settings=settings)):
        job = await place.ended(job, within_s=200)
    assert (job.status, job.reason, job.rows) == (JobStatus.COMPLETE, None, EVENTS)
    assert job.bytes > VALUE_CHARS * EVENTS
    assert "trying again in small blocks" in caplog.text
