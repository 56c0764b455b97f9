"""The statements read in the order of the table, so that no report is sorted in memory."""

import uuid
from typing import Any

from footfall.reports import parameters
from footfall.reports.layout import plain_layout
from footfall.state import Job
from footfall.store import query
from footfall.wire import ReportFilter

MONTH_MS = 31 * 86_400_000
JOB = Job(id="1", user="ann", filter=ReportFilter("C", "P", ("T", "U")), started_ms=2**53, watermark_ms=2**53)


def fill(place: Any, months: int) -> None:
    for part in range(3):
        batch = str(uuid.UUID(int=part + 1))
        place.load(
            {"timestamp": month * MONTH_MS + n, "batch": batch, "sequence": n + 1, "context": ["x" * 100]}
            for month in range(months)
            for n in range(1000)
        )


def test_rows_are_merged_and_never_sorted(place: Any) -> None:
    fill(place, 3)
    statement = query("report_rows").partition("FORMAT")[0]
    wanted = parameters.rows(JOB, plain_layout(2), 0, 3 * MONTH_MS)
    plan = "\n".join(line for (line,) in place.store.rows(f"EXPLAIN PIPELINE {statement}", wanted))
    assert "InOrder" in plan
    assert "ReplacingSorted" in plan
    assert "PartialSorting" not in plan
    assert "MergeSorting" not in plan


def test_months_are_counted_apart_and_each_event_once(place: Any) -> None:
    fill(place, 3)
    fill(place, 2)
    found = place.store.rows(query("report_months"), parameters.selection(JOB))
    assert found == [(month * MONTH_MS, month * MONTH_MS + 999, 3000, 1) for month in range(3)]


def test_a_months_rows_need_little_memory(place: Any) -> None:
    fill(place, 30)
    wanted = parameters.rows(JOB, plain_layout(1), 0, MONTH_MS - 1)
    limit = {"max_memory_usage": 50_000_000, "max_untracked_memory": 1}
    with place.store.stream(query("report_rows"), wanted, limit) as blocks:
        assert b"".join(blocks).count(b"\n") == 3000
