"""The statements read in the order of the table, so that no report is sorted in memory."""

import uuid
from itertools import chain
from typing import Any

import pytest
from msgspec import structs

from footfall.reports.query.counts import Histogram, TypeCounts, count_rows, find_duplicates, read_histogram
from footfall.reports.query.layout import planless_layout, scope_layout
from footfall.reports.query.scope import ScopeStatement
from footfall.reports.query.statement import ReportStatement
from footfall.reports.selection import job_filter
from footfall.state import Job
from footfall.store import query
from footfall.usage import TimeSpan
from footfall.wire import ReportFilter

DAY_MS = 86_400_000
MONTH_MS = 31 * DAY_MS
FILTER = ReportFilter(customer="C", product="P", types=("T", "U"))
JOB = Job(id="1", user="ann", account="a", filter=FILTER, started_ms=2**53, watermark_ms=2**53)


def fill(place: Any, months: int) -> None:
    for part in range(3):
        batch = str(uuid.UUID(int=part + 1))
        place.load(
            {"timestamp": month * MONTH_MS + n, "batch": batch, "sequence": n + 1, "context": ["x" * 100]}
            for month in range(months)
            for n in range(1000)
        )


@pytest.mark.parametrize("final", [True, False])
def test_rows_are_never_sorted_and_merged_only_where_told(place: Any, final: bool) -> None:
    fill(place, 3)
    made = ReportStatement(JOB, planless_layout(2))
    text, wanted = made.text(final=final).partition("FORMAT")[0], made.parameters(0, 3 * MONTH_MS)
    plan = "\n".join(line for (line,) in place.store.rows(f"EXPLAIN PIPELINE {text}", wanted))
    assert "InOrder" in plan
    assert ("ReplacingSorted" in plan) is final
    assert "PartialSorting" not in plan
    assert "MergeSorting" not in plan


@pytest.mark.parametrize("final", [True, False])
def test_rows_of_several_pairs_are_not_sorted_either(place: Any, final: bool) -> None:
    for at in range(9):
        names = {"customer": f"C{at % 3}", "product": f"P{at // 3}", "context": ["x" * 100]}
        place.load({"timestamp": month * MONTH_MS + n, **names} for month in range(3) for n in range(300))
    job = structs.replace(JOB, filter=ReportFilter(customers=("C0", "C2"), products=("*",)))
    kinds = [(f"P{at}", "T") for at in range(3)]
    made = ScopeStatement(job, scope_layout(None, (), 1), job_filter(job), kinds, [product for product, _ in kinds])
    text, wanted = made.text(final=final).partition("FORMAT")[0], made.parameters(0, 3 * MONTH_MS)
    plan = "\n".join(line for (line,) in place.store.rows(f"EXPLAIN PIPELINE {text}", wanted))
    assert "InOrder" in plan
    assert ("ReplacingSorted" in plan) is final
    assert "PartialSorting" not in plan
    assert "MergeSorting" not in plan
    # Of another customer's rows nothing is read but the ends of granules.
    (read,) = {line for (line,) in place.store.rows(f"EXPLAIN indexes = 1 {text}", wanted) if "customer in" in line}
    assert "Condition" in read


def test_months_are_found_and_a_survey_counts_each_event_once(place: Any) -> None:
    fill(place, 3)
    fill(place, 2)
    events = job_filter(JOB)
    found = place.store.rows(events.fill(query("report_months")), events.parameters)
    assert [(first, last, width, types) for first, last, _, width, types in found] == [
        (month * MONTH_MS, month * MONTH_MS + 999, 1, ["T"]) for month in range(3)
    ]
    for first_ms, last_ms, most, *_ in found:
        span = TimeSpan(first_ms, last_ms, most)
        assert count_rows(place.store, events, span, 0, {}).rows == 3000
        assert find_duplicates(place.store, events, [span], dict).duplicates == 2000
        assert most >= 3000


@pytest.mark.parametrize("widths", [False, True])
def test_months_are_outlined_by_day_and_by_type(place: Any, widths: bool) -> None:
    months = {197001: (0, 30), 197002: (31,), 197101: (365,)}
    place.load(
        {"timestamp": day * DAY_MS + n, "type": kind, "sequence": n + 1, "context": ["x"], "received": day * DAY_MS + 3}
        for day in chain.from_iterable(months.values())
        for n, kind in enumerate("TTU")
    )
    found = read_histogram(place.store, job_filter(JOB), 2, {}, context_length=widths)
    assert (found.rows, found.types, found.context_length) == (12, {"T", "U"}, int(widths))
    for month, days in zip(found.months, months.values(), strict=True):
        starts = [day * DAY_MS for day in days]
        assert month.days == tuple(TimeSpan(start, start + 2, 3) for start in starts)
        assert month.counts.by_type == {
            "T": TypeCounts(2 * len(days), starts[0], starts[-1] + 1, len(days)),
            "U": TypeCounts(len(days), starts[0] + 2, starts[-1] + 2, 0),
        }


def test_a_report_of_nothing_has_no_months(place: Any) -> None:
    assert read_histogram(place.store, job_filter(JOB), 0, {}, context_length=True) == Histogram((), 0)


def test_a_months_rows_need_little_memory(place: Any) -> None:
    fill(place, 30)
    made = ReportStatement(JOB, planless_layout(1))
    limit = {"max_memory_usage": 50_000_000, "max_untracked_memory": 1}
    with place.store.stream(made.text(), made.parameters(0, MONTH_MS - 1), limit) as blocks:
        assert b"".join(blocks).count(b"\n") == 3000
