"""The calls that `usage_answers.py` measures, and the statement that somebody would write by hand for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import generate

DAY_MS = 86_400_000
# The actor's key is the first of each context, so that the bare statements need no plan.
_ONE = "FROM events FINAL WHERE customer = 'BARCHART' AND product = 'PORTFOLIO'"
_PRODUCT: Mapping[str, Any] = {"customer": "BARCHART", "product": "PORTFOLIO"}
_STEPS = ("PORTFOLIO-APPLICATION-LOADED", "PORTFOLIO-ACCESSED", "PORTFOLIO-TRANSACTION-CREATED")
_MONTH_MS = 30 * DAY_MS
# The last 30 days of the year that is generated, with the 30 before.
_END_MS = generate.BEGIN_MS + generate.YEAR_MS - 1
_START_MS = _END_MS + 1 - _MONTH_MS


@dataclass(frozen=True)
class Call:
    """A call, the seconds that it may take cold and again, and the bare statement."""

    name: str
    path: str
    parameters: Mapping[str, Any]
    cold_s: float
    again_s: float
    statement: str


CALLS: Sequence[Call] = (
    Call(
        "summary of a customer, 30 days and before",
        "/usage/summary",
        {"customer": "BARCHART", "product": "*", "start": _START_MS, "end": _END_MS, "compare": "previous"},
        0.5,
        0.05,
        f"SELECT timestamp >= {_START_MS} AS now, uniqExact(context[1]), count(), uniqExact(product, type, version)"  # noqa: S608 - our own words
        " FROM events FINAL WHERE customer = 'BARCHART'"
        f" AND timestamp BETWEEN {_START_MS - _MONTH_MS} AND {_END_MS} GROUP BY now",
    ),
    Call(
        "counts by day of a product, all time",
        "/usage/counts",
        {**_PRODUCT, "interval": "day"},
        0.3,
        0.05,
        f"SELECT intDiv(timestamp, {DAY_MS}) AS day, type, count() {_ONE} GROUP BY day, type",
    ),
    Call(
        "exact uniques by day of the same",
        "/usage/uniques",
        {**_PRODUCT, "interval": "day"},
        3,
        0.05,
        f"SELECT intDiv(timestamp, {DAY_MS}) AS day, uniqExact(context[1]) {_ONE} GROUP BY day WITH TOTALS",
    ),
    Call(
        "three-step funnel of the same",
        "/usage/funnel",
        {**_PRODUCT, "step": _STEPS, "window": "7d"},
        4,
        0.05,
        "SELECT level, count() FROM (SELECT windowFunnel(604800000)(toUInt64(timestamp), "  # noqa: S608 - our own words
        + ", ".join(f"type = '{step}'" for step in _STEPS)
        + f") AS level {_ONE} GROUP BY context[1]) GROUP BY level",
    ),
    Call(
        "weekly retention of the same",
        "/usage/retention",
        {**_PRODUCT, "interval": "week"},
        4,
        0.05,
        "SELECT arrayMin(weeks) AS cohort, arrayJoin(weeks) AS week, count() FROM (SELECT"  # noqa: S608 - our own words
        f" groupUniqArray(toMonday(fromUnixTimestamp64Milli(timestamp, 'UTC'))) AS weeks {_ONE} GROUP BY context[1])"
        " GROUP BY cohort, week",
    ),
)


def heavy(number: int) -> tuple[str, Mapping[str, Any]]:
    """A call over many events that no answer before it was about, and its parameters."""
    call = CALLS[2 + number % 3]
    return call.path, {**call.parameters, "end": _END_MS - number}
