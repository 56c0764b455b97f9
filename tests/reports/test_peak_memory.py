"""What a worker's memory grows by when it makes reports of the longest events that the service accepts."""

import json
import subprocess
import sys
from typing import Any

import pytest
from programs import program

from footfall.settings import limits

MIB = 1024 * 1024
# Of 4 MiB each: even the fewer are several groups of rows of a file, and more than one block of the engine may have.
FEW, MANY = 18, 45
PART_ROWS = 9
# To the worker, CSV is the same with marks and without: the engine sets them.
TEXTS = [{"format": "csv", "spreadsheetSafe": True}, {"format": "jsonl"}]
TABLES = [{"format": "parquet", "compression": "none"}, {"format": "arrow", "compression": "none"}]
# Texts pass in pieces of a pipe; they took 6 MiB. Of a table, there are a block of the engine (64 MiB), the rows of a
# step and the group that is written (32 MiB each, and a row more), the bytes of the file from that group, copies on the
# way between them, and the library (60 MiB): 242 to 282 MiB were seen, where the many events alone have 216.
TEXT_BYTES_MAX, TABLE_BYTES_MAX = 32 * MIB, 448 * MIB
# By how much more it may be with the many than with the few: up to 40 MiB were seen. The events more have 108 MiB.
SLACK_BYTES = 72 * MIB
FILL = """
    INSERT INTO events (customer, product, type, timestamp, context, sequence, batch, received, admitted)
    SELECT 'C', {product:String}, 'T', {first:Int64} + number,
        arrayMap(
            place -> rightPad(concat('=', toString(place), '-', toString({first:Int64} + number)), {chars:UInt64}, 'x'),
            range({values:UInt64})
        ),
        {first:Int64} + number, generateUUIDv4(), {first:Int64}, {first:Int64}
    FROM numbers({rows:UInt64})
"""


# It works on the jobs of its place as a worker does. For each that it is told it waits, and then says by how much its
# memory has grown at the most so far.
@pytest.fixture
def filled(place: Any) -> Any:
    """A place with few and with many of the longest events."""
    for product, rows in (("FEW", FEW), ("MANY", MANY)):
        for part in range(0, rows, PART_ROWS):
            given = {"product": product, "first": place.now_ms - 1_000_000 + part, "rows": PART_ROWS}
            longest = {"values": limits.CONTEXT_VALUES_MAX, "chars": limits.CONTEXT_VALUE_CHARS_MAX}
            place.store.write(FILL, given | longest)
    return place


async def grown(place: Any, outputs: list[dict[str, Any]]) -> tuple[int, int]:
    """By how much a worker of its own has grown at the most: after all reports of the few, and then of the many."""
    settings = {"data_dir": place.settings.data_dir, "events_url": place.settings.events_url, "reports_at_once_max": 1}
    command = [sys.executable, program("peak_of_reports"), json.dumps(settings), str(place.now_ms)]
    peaks = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin
        assert worker.stdout
        for product, rows in (("FEW", FEW), ("MANY", MANY)):
            for output in outputs:
                # The next is ordered when this one has ended, or its memory would count here.
                job = await place.order(output=output, product=product)
                print(job.id, file=worker.stdin, flush=True)
                *ended, size, peak = json.loads(worker.stdout.readline())
                assert ended == ["COMPLETE", None, rows]
                assert size > rows * limits.CONTEXT_VALUES_MAX * limits.CONTEXT_VALUE_CHARS_MAX
            peaks.append(peak)
        worker.stdin.close()
    assert worker.returncode == 0
    return peaks[0], peaks[1]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is told otherwise")
async def test_reports_of_the_longest_events_take_as_much_memory_for_many_as_for_few(filled: Any) -> None:
    for outputs, bound in ((TEXTS, TEXT_BYTES_MAX), *(([table], TABLE_BYTES_MAX) for table in TABLES)):
        few, many = await grown(filled, outputs)
        assert few < bound, outputs
        assert many < min(bound, few + SLACK_BYTES), outputs
