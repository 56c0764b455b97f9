"""The table of all metrics: their names, kinds and labels, and how the values of several processes become one."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

# A metric's name, then the values of its labels. The last one of a histogram's is that of a bucket, or SUM.
Key = tuple[str, ...]
Values = dict[Key, float]

# Instead of a bucket: the sum of what a histogram counts.
SUM: Final = "sum"


class MetricKind(StrEnum):
    """The type of a metric in Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(StrEnum):
    """How the values of several processes make one. Only a TOTAL and a LATEST one outlive their process."""

    TOTAL = "total"
    SUM = "sum"
    MAX = "max"
    LATEST = "latest"
    NODE = "node"


class Metric(Struct, frozen=True):
    """A row of the table of metrics; `labels` are the names of its labels."""

    name: str
    kind: MetricKind
    merge: Merge
    help: str
    labels: tuple[str, ...] = ()


METRICS: Final = (
    Metric("footfall_events_accepted_total", MetricKind.COUNTER, Merge.TOTAL, "Events answered with 200."),
    Metric("footfall_events_quarantined_total", MetricKind.COUNTER, Merge.TOTAL, "Events held back in quarantine."),
    Metric(
        "footfall_requests_refused_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Requests refused, by error code.",
        ("code",),
    ),
    Metric(
        "footfall_tls_handshakes_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "TLS handshakes by outcome: complete, failed, slow, or plain for what was no TLS.",
        ("outcome",),
    ),
    Metric(
        "footfall_limits_hit_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Requests and connections over a limit, by limit; refused or not, as `limits_mode` says.",
        ("limit",),
    ),
    Metric(
        "footfall_day_budget_used_ratio",
        MetricKind.GAUGE,
        Merge.MAX,
        "The largest part of a day's budget that any customer's product has used, by budget.",
        ("budget",),
    ),
    Metric(
        "footfall_requests_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Requests answered, by route and class of status; `other` has no route. Preflights of browsers are left out.",
        ("route", "status"),
    ),
    Metric(
        "footfall_request_duration_seconds",
        MetricKind.HISTOGRAM,
        Merge.TOTAL,
        "Time from a request to the end of its answer, by route. Events count as long as the first of their commit.",
        ("route",),
    ),
    Metric(
        "footfall_collect_step_duration_seconds",
        MetricKind.HISTOGRAM,
        Merge.TOTAL,
        "Time of steps of `POST /events` beside the disk's: requests `prepare`, commits `gather` and `answer`.",
        ("step",),
    ),
    Metric(
        "footfall_journal_sync_duration_seconds",
        MetricKind.HISTOGRAM,
        Merge.TOTAL,
        "Time that the disk took to write and sync one commit.",
    ),
    Metric(
        "footfall_journal_commit_requests",
        MetricKind.HISTOGRAM,
        Merge.TOTAL,
        "Requests that shared one commit.",
    ),
    Metric(
        "footfall_queue_requests",
        MetricKind.GAUGE,
        Merge.SUM,
        "Requests that wait for a turn, by what they wait for.",
        ("queue",),
    ),
    Metric(
        "footfall_events_loaded_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Events loaded from the journal into the store.",
    ),
    Metric(
        "footfall_events_past_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Events past their time by the rules of retention: `late` ones not loaded, those of the `store` removed.",
        ("where",),
    ),
    Metric(
        "footfall_load_duration_seconds",
        MetricKind.HISTOGRAM,
        Merge.TOTAL,
        "Time of one load of segments into the store, and their move to the archive.",
    ),
    Metric("footfall_live_listeners", MetricKind.GAUGE, Merge.SUM, "Live streams that are open."),
    Metric(
        "footfall_live_events_dropped_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Events that live streams left out because their clients were too slow.",
    ),
    Metric("footfall_store_away", MetricKind.GAUGE, Merge.MAX, "1 while the loader cannot reach the store, else 0."),
    Metric(
        "footfall_loaded_through_timestamp_seconds",
        MetricKind.GAUGE,
        Merge.LATEST,
        "Time up to which everything that this node admitted is in the store.",
    ),
    Metric(
        "footfall_loaded_through_age_seconds",
        MetricKind.GAUGE,
        Merge.NODE,
        "How long ago that was: how far the store is behind the journal.",
    ),
    Metric(
        "footfall_rollup_age_seconds",
        MetricKind.GAUGE,
        Merge.MAX,
        "How far the counts of past days are behind what is loaded, a few minutes when all is well.",
    ),
    Metric(
        "footfall_rollup_days_waiting",
        MetricKind.GAUGE,
        Merge.MAX,
        "Past days that have changed since they were counted, up to 5,000; answers count them from their events.",
    ),
    Metric(
        "footfall_journal_waiting_bytes", MetricKind.GAUGE, Merge.SUM, "Bytes of accepted lines that wait for the disk."
    ),
    Metric("footfall_journal_bytes", MetricKind.GAUGE, Merge.NODE, "Bytes of segments that wait to be loaded."),
    Metric(
        "footfall_journal_segments", MetricKind.GAUGE, Merge.NODE, "Segments that wait to be loaded, open ones too."
    ),
    Metric(
        "footfall_journal_oldest_segment_age_seconds",
        MetricKind.GAUGE,
        Merge.NODE,
        "Age of the oldest segment that waits to be loaded; 0 when there is none.",
    ),
    Metric(
        "footfall_segments_aside",
        MetricKind.GAUGE,
        Merge.NODE,
        "Segments set aside: damaged, unreadable or refused.",
    ),
    Metric(
        "footfall_disk_free_bytes", MetricKind.GAUGE, Merge.NODE, "Bytes that may still be written to the data folder."
    ),
    Metric(
        "footfall_reports", MetricKind.GAUGE, Merge.NODE, "Reports of the whole installation, by status.", ("status",)
    ),
    Metric(
        "footfall_report_duration_seconds",
        MetricKind.HISTOGRAM,
        Merge.TOTAL,
        "Time from the start of a report to its end, with the wait for a worker, by how it ended.",
        ("status",),
    ),
    Metric(
        "footfall_processes",
        MetricKind.GAUGE,
        Merge.NODE,
        "Processes of this node that live, by what they do.",
        ("role",),
    ),
    Metric(
        "footfall_process_memory_bytes",
        MetricKind.GAUGE,
        Merge.SUM,
        "Resident memory of this node's processes, by what they do.",
        ("role",),
    ),
    Metric(
        "footfall_quarantine_events",
        MetricKind.GAUGE,
        Merge.MAX,
        "Events of the whole installation that are held in quarantine, as counted last.",
    ),
    Metric(
        "footfall_schedules_failed",
        MetricKind.GAUGE,
        Merge.NODE,
        "Schedules of the whole installation that paused themselves, or whose report failed for good.",
    ),
    Metric(
        "footfall_alerts_firing",
        MetricKind.GAUGE,
        Merge.SUM,
        "Alerts that go on, by kind; where `alert_url` is set.",
        ("kind",),
    ),
    Metric(
        "footfall_alert_messages_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Messages to the receiver of alerts: sent, failed for good, dropped because too many waited.",
        ("outcome",),
    ),
    Metric(
        "footfall_alert_messages_waiting", MetricKind.GAUGE, Merge.SUM, "Messages that wait for the receiver of alerts."
    ),
    Metric(
        "footfall_trace_spans_total",
        MetricKind.COUNTER,
        Merge.TOTAL,
        "Spans of traces: sent to the collector, or dropped because it was away or refused them.",
        ("outcome",),
    ),
    Metric(
        "footfall_backup_age_seconds",
        MetricKind.GAUGE,
        Merge.NODE,
        "How long ago the last backup that was made on this node began: it has what was accepted before.",
    ),
    Metric(
        "footfall_build_info",
        MetricKind.GAUGE,
        Merge.NODE,
        "1; the labels say which version runs on which Python.",
        ("version", "python"),
    ),
)
