"""Metrics of a node: each process counts, small files bring the counts together, Prometheus reads them.

Each process writes a snapshot of its values into a file of its own, once a second and when it ends, and holds a lock
while it lives. The process that is asked for the node's metrics adds up the snapshots. It adds those of ended processes
to the totals, once, and removes their files, so that counters go on after restarts. A process that is killed loses what
it counted in its last second (`shared`).

The process that is asked finds the few metrics of the node as a whole, such as the free disk, itself. `table` has all
metrics, `requests` counts and times requests, `commits` the steps of those with events, `histogram` has what they
share, `text` writes what Prometheus reads.
"""

from footfall.metrics.commits import CommitMetrics, StepMetrics
from footfall.metrics.histogram import BucketCounts, Histograms
from footfall.metrics.requests import BUCKETS_S, EVENTS, OTHER, RequestMetrics
from footfall.metrics.shared import METRICS_PERIOD_S, SharedMetrics, open_metrics
from footfall.metrics.table import METRICS, Merge, MetricKind, Values
from footfall.metrics.text import render_metrics

__all__ = [
    "BUCKETS_S",
    "EVENTS",
    "METRICS",
    "METRICS_PERIOD_S",
    "OTHER",
    "BucketCounts",
    "CommitMetrics",
    "Histograms",
    "Merge",
    "MetricKind",
    "RequestMetrics",
    "SharedMetrics",
    "StepMetrics",
    "Values",
    "open_metrics",
    "render_metrics",
]
