"""The alarms and the dashboard among the examples name metrics and labels that there are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from footfall.metrics import METRICS, MetricKind

EXAMPLES = Path(__file__).parent.parent / "examples"
# What Prometheus adds.
SCRAPED = {"job", "instance"}
LABELS = {
    name: {*metric.labels, *SCRAPED, *(("le",) if suffix else ())}
    for metric in METRICS
    for suffix in (("_bucket", "_sum", "_count") if metric.kind is MetricKind.HISTOGRAM else ("",))
    for name in (metric.name + suffix,)
}


def alarms() -> list[dict[str, Any]]:
    text = (EXAMPLES / "prometheus-alerts.yml").read_text(encoding="utf-8")
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


EXPRESSIONS = [rule["expr"] for rule in alarms()] + [each["expr"] for panel in panels() for each in panel["targets"]]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_names_metrics_and_labels_that_there_are(expression: str) -> None:
    used = re.findall(r"(footfall_\w+)(?:\{([^}]*)\})?", expression)
    assert used or expression.startswith("up")
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", expression))))
    for name, selector in used:
        assert name in LABELS
        assert set(re.findall(r"(\w+)=", selector)) | grouped <= LABELS[name]


def test_every_metric_has_its_place_on_the_dashboard() -> None:
    shown = set(re.findall(r"footfall_\w+", " ".join(EXPRESSIONS)))
    left_out = {metric.name for metric in METRICS if not {metric.name, f"{metric.name}_bucket"} & shown}
    # Each is shown in another way: as an age, as bytes, as events accepted, and a loss that is no alarm.
    assert left_out == {
        "footfall_events_loaded_total",
        "footfall_live_events_dropped_total",
        "footfall_loaded_through_timestamp_seconds",
        "footfall_rollup_days_waiting",
        "footfall_journal_segments",
        "footfall_journal_oldest_segment_age_seconds",
    }


def test_alarms_and_panels_have_names_of_their_own_and_panels_do_not_overlap() -> None:
    for names in ([rule["alert"] for rule in alarms()], [panel["title"] for panel in panels()]):
        assert len(names) == len(set(names))
    cells = [
        (x, y)
        for panel in panels()
        for place in (panel["gridPos"],)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
