"""The native parameters of the two statements that make a report; no value ever stands in a statement's text."""

from typing import Any

from msgspec import UNSET

from footfall.reports.layout import Layout
from footfall.state import Job

TIME_MS_LEAST = -(2**63)
TIME_MS_MOST = 2**63 - 1


def selection(job: Job) -> dict[str, Any]:
    """Which events the report has, for report_months.sql."""
    wanted = job.filter
    return {
        "customer": wanted.customer,
        "product": wanted.product,
        "types": [] if wanted.types is UNSET else list(wanted.types),
        "start": TIME_MS_LEAST if wanted.start is UNSET else wanted.start,
        "end": TIME_MS_MOST if wanted.end is UNSET else wanted.end,
        "watermark": job.watermark_ms,
    }


def rows(job: Job, layout: Layout, first_ms: int, last_ms: int, *, drop: bool = False) -> dict[str, Any]:
    """The report's rows between two times, both inclusive, for report_rows.sql; `drop` leaves duplicates out."""
    return selection(job) | {
        "start": first_ms,
        "end": last_ms,
        "drop_end": last_ms if drop else first_ms - 1,
        "delimiter": job.delimiter,
        "placed_types": list(layout.types),
        # The engine counts rows of places from 1, and the first of them is for the types that are not listed.
        "placed_rows": list(range(2, len(layout.types) + 2)),
        "places": [list(layout.others), *(list(places) for places in layout.places)],
    }
