"""Plans as large as they may be: ten thousand types, 64 keys a context, and a thousand columns."""

import contextlib
import csv
import io
import json
from typing import Any

import pyarrow as pa
import pytest

from footfall.plan import EventType, Key, Plan, Product, compile_plan
from footfall.reports import Estimates, manifest
from footfall.reports.encoding import FileCounter
from footfall.reports.query.columnar import Columnar
from footfall.reports.query.counts import ReportCounts, TypeCounts
from footfall.reports.query.layout import Layout, plan_layout
from footfall.reports.query.statement import ReportStatement
from footfall.settings import limits
from footfall.state import Job, JobStatus
from footfall.wire import ReportFilter

TYPES, KEYS, COLUMNS = 10_000, 64, 1_000
# What a server takes by default for one field of a form, as which the text of a statement comes.
FIELD_BYTES_MAX = 128 * 1024
FILTER = ReportFilter(customer="C", product="P")
KINDS = (0, 4_321, 9_999)


def name_of(kind: int) -> str:
    return f"type '{kind}' of a plan with long names of types"


def column(kind: int, place: int) -> int:
    return (kind * 7 + place * 13) % COLUMNS


def plan_of(count: int) -> Plan:
    """A plan of so many types with as many keys and columns as may be."""
    names = tuple(f"column `{number}` of a plan with long names of columns" for number in range(COLUMNS))
    types = tuple(
        EventType("P", name_of(kind), tuple(Key(names[column(kind, place)]) for place in range(KEYS)))
        for kind in range(count)
    )
    product = Product("P", names, types)
    return Plan(fingerprint="f", source="", customers=(), products=(product,), rules=())


@pytest.fixture(scope="module")
def layout() -> Layout:
    columns = plan_of(TYPES).columns("P")
    assert columns is not None
    return plan_layout(columns)


def rows_of(file_format: str, blocks: Any, layout: Layout) -> list[list[Any]]:
    if file_format == "csv":
        return list(csv.reader(io.StringIO(b"".join(blocks).decode()), delimiter="|"))
    if file_format == "jsonl":
        return [[row[key] for key in layout.unique_names] for row in map(json.loads, b"".join(blocks).splitlines())]
    table = Columnar("arrow", "none")
    data = b"".join([*table.add(blocks), *table.end()])
    return [[row[key] for key in layout.unique_names] for row in pa.ipc.open_file(data).read_all().to_pylist()]


@pytest.mark.parametrize(("file_format", "safe"), [("csv", True), ("jsonl", False), ("arrow", True)])
def test_every_value_stands_in_its_column(place: Any, layout: Layout, file_format: str, *, safe: bool) -> None:
    place.load(
        {"timestamp": kind, "type": name_of(kind), "context": [f"={kind}.{at}" for at in range(KEYS)]} for kind in KINDS
    )
    job = Job(
        id="1",
        user="ann",
        account="a",
        filter=FILTER,
        started_ms=2**53,
        watermark_ms=2**53,
        format=file_format,
        safe=safe,
    )
    made = ReportStatement(job, layout)
    text = made.text()
    assert len(text.encode()) < FIELD_BYTES_MAX
    limit = {"max_memory_usage": place.settings.report_memory_bytes_max}
    with place.store.stream(text, made.parameters(0, TYPES), limit) as blocks:
        found = rows_of(file_format, blocks, layout)
    nothing, mark = "" if file_format == "csv" else None, "'" if safe else ""
    for kind, row in zip(KINDS, found, strict=True):
        values = [nothing] * COLUMNS
        for at in range(KEYS):
            values[column(kind, at)] = f"{mark}={kind}.{at}"
        assert row[1:] == [name_of(kind), *values]


def test_the_text_does_not_grow_with_the_types(layout: Layout) -> None:
    job = Job(id="1", user="ann", account="a", filter=FILTER, started_ms=2**53, watermark_ms=2**53)
    some = frozenset(map(name_of, range(0, TYPES, 10)))
    assert len(ReportStatement(job, layout, some).text()) == len(ReportStatement(job, layout).text())


def test_a_manifest_stays_small_whatever_the_plan(layout: Layout) -> None:
    job = Job(id="1", user="ann", account="a", filter=FILTER, started_ms=2**53, watermark_ms=2**53)
    held = ReportCounts({name_of(kind): TypeCounts(rows=1, first_ms=1, last_ms=1, late=0) for kind in range(TYPES)})
    counted = manifest.ManifestCounts(held, 0, 1)
    text = manifest.write_manifest(job, layout, "f", counted, FileCounter(), limits.MANIFEST_TYPES_CHARS_MAX)
    assert len(text) < 2 * 1024 * 1024
    said = json.loads(text)
    assert len(said["rows"]["byType"]) == TYPES
    assert len(said["columns"]) == 2 + COLUMNS
    assert all("places" not in each for each in said["columns"])
    assert {each["placesOmitted"] for each in said["columns"][2:]} == {len(each.places) for each in layout.fields}


async def test_a_report_is_made_and_estimated_by_a_large_plan(place: Any) -> None:
    # A twentieth of the types, for its time: what is made here, the store is asked for above with all of them.
    place.plan.checker = compile_plan(plan_of(TYPES // 20), place.settings)
    place.load(
        {"timestamp": kind, "type": name_of(kind), "context": [f"{kind}.{at}" for at in range(KEYS)]}
        for kind in range(TYPES // 20)
    )
    place.state.nodes.put("here", place.now_ms - 1, place.now_ms)
    body = json.dumps({"filter": {"customer": "C", "product": "P"}, "output": {"spreadsheetSafe": True}}).encode()
    with contextlib.closing(Estimates(place.desk, place.state, place.store, place.plan, place.settings)) as estimates:
        found = await estimates.estimate(place.user, body)
    job = await place.make(customer="C", product="P", output={"spreadsheetSafe": True})
    assert job.status is JobStatus.COMPLETE, job.reason
    assert (job.rows, job.bytes) == (found.rows, found.bytes)
    assert found.rows == TYPES // 20
