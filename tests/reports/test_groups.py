"""Large Parquet and Arrow files: their groups of rows, and what making one takes of memory."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from programs import program
from pyarrow import parquet

from footfall.reports.query.columnar import ORDINARY_SIZES as SIZES
from footfall.reports.query.columnar import Columnar, GroupSizes
from footfall.settings import limits
from footfall.state import Job, JobStatus
from footfall.store import StoreMemory

NOW_MS = 1_760_000_000_000
MIB = 1024 * 1024
HOUR_MS = 3_600_000
# Numbered events, one a second: more of them than a group has are of several months.
FILL = """
    INSERT INTO events (customer, product, type, timestamp, context, sequence, batch, received, admitted)
    SELECT 'C', 'P', if(number % 7 = 0, 'SEVENTH', 'OTHER'), {first:Int64} + number * {step:Int64},
        [toString(number), repeat('x', {width:UInt64})], 1, generateUUIDv4(), {first:Int64}, {first:Int64}
    FROM numbers({rows:UInt64})
"""


def fill(place: Any, rows: int, *, step: int = 20_000, width: int = 0) -> int:
    """Load so many events; gives the time of the first."""
    first = NOW_MS - rows * step
    place.store.write(FILL, {"first": first, "step": step, "rows": rows, "width": width})
    return first


async def made(place: Any, **output: Any) -> tuple[Job, bytes]:
    job = await place.make(output=output)
    assert job.status is JobStatus.COMPLETE, job.reason
    return job, await place.read(job)


@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
async def test_rows_stand_in_groups_that_depend_on_nothing_but_the_rows(
    place, tmp_path: Path, file_format: str
) -> None:
    rows = 2 * SIZES.rows + SIZES.step_rows + 5
    first = fill(place, rows)
    job, data = await made(place, format=file_format)
    file = tmp_path / job.file
    file.write_bytes(data)
    if file_format == "parquet":
        held = parquet.ParquetFile(file)
        groups = [held.metadata.row_group(index).num_rows for index in range(held.num_row_groups)]
        table = held.read()
    else:
        reader = pa.ipc.open_file(file)
        groups = [reader.get_batch(index).num_rows for index in range(reader.num_record_batches)]
        table = reader.read_all()
    assert groups == [SIZES.rows, SIZES.rows, SIZES.step_rows + 5]
    assert table.column("timestamp").cast(pa.int64()).to_pylist() == [first + 20_000 * n for n in range(rows)]
    assert table.column("context1").to_pylist() == [str(n) for n in range(rows)]
    said = json.loads(job.manifest)
    counted = Counter(table.column("type").to_pylist())
    assert said["rows"] == {"total": rows, "byType": dict(counted)}
    assert (said["timestamps"]["first"], said["timestamps"]["last"]) == (first, first + 20_000 * (rows - 1))
    assert (job.rows, said["bytes"]) == (rows, len(data))


async def test_long_values_make_smaller_groups(place, tmp_path: Path) -> None:
    rows = 24_000
    fill(place, rows, width=6_000)
    job, data = await made(place, format="parquet")
    file = tmp_path / job.file
    file.write_bytes(data)
    held = parquet.ParquetFile(file)
    groups = [held.metadata.row_group(index).num_rows for index in range(held.num_row_groups)]
    steps = -(-SIZES.bytes_max // (SIZES.step_rows * 6_000))
    assert set(groups[:-1]) == {steps * SIZES.step_rows}
    assert sum(groups) == rows


# It makes the report as a worker does, and prints by how much its memory has grown at the most.
@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
async def test_a_million_rows_take_little_memory(place, file_format: str) -> None:
    rows = 1_000_000
    fill(place, rows, width=20)
    job = await place.order(output={"format": file_format})
    settings = {"data_dir": place.settings.data_dir, "events_url": place.settings.events_url}
    run = subprocess.run(
        [sys.executable, program("peak_of_an_attempt"), json.dumps(settings), msgspec.json.encode(job)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    made_rows, size, grown = (int(word) for word in run.stdout.split())
    assert made_rows == rows
    assert size > rows
    assert grown < 200 * MIB


def test_a_failure_behind_the_end_of_a_stream_is_not_missed() -> None:
    schema = pa.schema([("timestamp", pa.int64()), ("type", pa.string())])
    sink = pa.BufferOutputStream()
    pa.ipc.new_stream(sink, schema).close()

    def blocks() -> Iterator[bytes]:
        yield sink.getvalue().to_pybytes()
        raise StoreMemory("no room")

    with pytest.raises(StoreMemory):
        list(Columnar("arrow", "none").add(blocks()))


@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
def test_long_rows_stand_in_groups_of_so_many_bytes_however_they_came(tmp_path: Path, file_format: str) -> None:
    sizes = GroupSizes(step_bytes_max=10_000, bytes_max=10_000)
    table = pa.table(
        {"timestamp": list(range(101)), "type": ["T" * 100] * 101, "context1": ["x" * 900, None] * 50 + [""]}
    )

    def made_of(rows: int) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table, rows)
        made = Columnar(file_format, "none", sizes)
        return b"".join([*made.add([sink.getvalue().to_pybytes()]), *made.end()])

    first, *others = [made_of(rows) for rows in (1, 3, 17, 101)]
    assert all(other == first for other in others)
    (tmp_path / "file").write_bytes(first)
    if file_format == "parquet":
        held = parquet.ParquetFile(tmp_path / "file").metadata
        groups = [held.row_group(index).num_rows for index in range(held.num_row_groups)]
    else:
        reader = pa.ipc.open_file(tmp_path / "file")
        groups = [reader.get_batch(index).num_rows for index in range(reader.num_record_batches)]
    # 1,000 and 100 bytes in turn: the 19th row of a group is the first with which it has 10,000 or more.
    assert (sum(groups), len(groups)) == (101, 6)
    assert set(groups[:-1]) <= {18, 19}


def test_a_block_that_is_too_large_is_not_read() -> None:
    table = pa.table({"timestamp": [1], "type": ["x" * 20_000]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    with pytest.raises(StoreMemory):
        list(Columnar("arrow", "none", GroupSizes(block_bytes_max=10_000)).add([sink.getvalue().to_pybytes()]))


def test_a_block_of_two_of_the_longest_events_is_read() -> None:
    context = ["\U0001f463" * limits.CONTEXT_VALUE_CHARS_MAX] * 2
    columns = {f"context{number}": context for number in range(limits.CONTEXT_VALUES_MAX)}
    table = pa.table({"timestamp": [1, 2], "type": ["T" * limits.CODE_CHARS_MAX] * 2} | columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    made = Columnar("arrow", "none")
    data = b"".join([*made.add([sink.getvalue().to_pybytes()]), *made.end()])
    assert pa.ipc.open_file(data).read_all().equals(table)


@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
def test_of_long_rows_few_are_held_at_once(file_format: str) -> None:
    bound, values, chars, rows = 1024 * 1024, 64, 1_024, 300
    names = ["type", *(f"context{number}" for number in range(values))]
    schema = pa.schema([("timestamp", pa.int64()), *((name, pa.string()) for name in names)])
    fed = given = most = 0

    def blocks() -> Iterator[bytes]:
        nonlocal fed, most
        sink = pa.BufferOutputStream()
        stream = pa.ipc.new_stream(sink, schema)
        for row in range(0, rows, 2):
            texts = [[f"{row + more}-{name}".ljust(chars, "x") for more in range(2)] for name in names]
            stream.write_batch(pa.record_batch([[row, row + 1], *texts], schema=schema))
        stream.close()
        data = sink.getvalue().to_pybytes()
        for at in range(0, len(data), 65_536):
            fed += len(data[at : at + 65_536])
            most = max(most, fed - given)
            yield data[at : at + 65_536]

    made = Columnar(file_format, "none", GroupSizes(step_bytes_max=bound, bytes_max=bound))
    for piece in made.add(blocks()):
        given += len(piece)
    given += sum(len(piece) for piece in made.end())
    assert (made.rows, given > rows * values * chars) == (rows, True)
    # A step, which is a group here, and the row and the block that go over it.
    assert most < 2 * bound
