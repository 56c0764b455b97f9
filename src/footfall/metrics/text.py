"""Metrics in the text format of Prometheus, version 0.0.4."""

from collections.abc import Iterator, Mapping

from footfall.metrics.table import METRICS, SUM, Key, Metric, MetricKind


def render_metrics(values: Mapping[Key, float]) -> str:
    """The values as Prometheus reads them, in the order of the table; metrics without a value are left out."""
    found: dict[str, dict[Key, float]] = {metric.name: {} for metric in METRICS}
    for (name, *labels), value in values.items():
        found[name][tuple(labels)] = value
    return "".join(line + "\n" for metric in METRICS for line in _lines(metric, found[metric.name]))


def _lines(metric: Metric, values: Mapping[Key, float]) -> Iterator[str]:
    if not values:
        return
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"
    if metric.kind is MetricKind.HISTOGRAM:
        for labels in sorted({key[:-1] for key in values}):
            yield from _histogram(metric, labels, values)
        return
    for key in sorted(values):
        yield f"{metric.name}{_labels(metric.labels, key)} {_number(values[key])}"


def _histogram(metric: Metric, labels: Key, values: Mapping[Key, float]) -> Iterator[str]:
    """Each bucket has what is in those before it too; the last one, `+Inf`, has all."""
    buckets = sorted((key for key in values if key[:-1] == labels and key[-1] != SUM), key=lambda key: float(key[-1]))
    for key in buckets:
        yield f"{metric.name}_bucket{_labels((*metric.labels, 'le'), key)} {_number(values[key])}"
    named = _labels(metric.labels, labels)
    yield f"{metric.name}_sum{named} {_number(values.get((*labels, SUM), 0))}"
    yield f"{metric.name}_count{named} {_number(values[buckets[-1]])}"


def _labels(names: Key, values: Key) -> str:
    """Labels with their values, none of which needs escaping: names of ours, and versions."""
    pairs = [f'{name}="{value}"' for name, value in zip(names, values, strict=True)]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _number(value: float) -> str:
    """A whole number without a decimal point, because people read it too."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
