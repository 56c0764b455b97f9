"""A node's metrics: counted by several processes, added up once each, whatever becomes of the processes."""

import fcntl
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from programs import program

from footfall.metrics import (
    BUCKETS_S,
    METRICS,
    BucketCounts,
    CommitMetrics,
    Merge,
    MetricKind,
    RequestMetrics,
    SharedMetrics,
    StepMetrics,
    Values,
    render_metrics,
)
from footfall.metrics.histogram import SAMPLES_MAX, Samples

DOCS = Path(__file__).parents[1] / "docs" / "metrics.md"
ACCEPTED = ("footfall_events_accepted_total",)
WAITING = ("footfall_journal_waiting_bytes",)
AWAY = ("footfall_store_away",)
THROUGH = ("footfall_loaded_through_timestamp_seconds",)


def test_the_page_has_every_metric_as_it_is() -> None:
    rows = re.findall(r"^\| `(\w+)(?:{([\w,]+)})?` \| (\w+) \| ([^|]+) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert rows == [(metric.name, ",".join(metric.labels), metric.kind, metric.help) for metric in METRICS]


def test_names_have_their_units_and_kinds() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"footfall_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
        assert (metric.kind is MetricKind.GAUGE) == (metric.merge is not Merge.TOTAL)


def test_alarms_name_metrics_that_there_are() -> None:
    named = set(re.findall(r"footfall_\w+?(?=_bucket\b|\W)", DOCS.read_text("utf-8")))
    assert named == {metric.name for metric in METRICS}


def test_the_text_is_what_prometheus_reads() -> None:
    values = {
        ("footfall_requests_refused_total", "B"): 2,
        ("footfall_requests_refused_total", "A"): 1e15,
        ("footfall_loaded_through_age_seconds",): 0.25,
        ("footfall_store_away",): 1,
    }
    assert render_metrics(values) == (
        "# HELP footfall_requests_refused_total Requests refused, by error code.\n"
        "# TYPE footfall_requests_refused_total counter\n"
        'footfall_requests_refused_total{code="A"} 1000000000000000\n'
        'footfall_requests_refused_total{code="B"} 2\n'
        "# HELP footfall_store_away 1 while the loader cannot reach the store, else 0.\n"
        "# TYPE footfall_store_away gauge\n"
        "footfall_store_away 1\n"
        "# HELP footfall_loaded_through_age_seconds How long ago that was: how far the store is behind the journal.\n"
        "# TYPE footfall_loaded_through_age_seconds gauge\n"
        "footfall_loaded_through_age_seconds 0.25\n"
    )


def test_requests_and_their_times_are_a_histogram_of_each_route() -> None:
    requests = RequestMetrics()
    requests.expect(["GET /plan"])
    requests.count_timed("GET /plan", 200, 0.0004)
    requests.count_timed("GET /plan", 404, 0.3)
    requests.count_timed("GET /plan", 503, 300)
    requests.count("other", 404)
    lines = render_metrics(requests.values()).splitlines()
    assert 'footfall_requests_total{route="GET /plan",status="4xx"} 1' in lines
    assert 'footfall_requests_total{route="POST /events",status="2xx"} 0' in lines
    assert [line.partition("_seconds")[2] for line in lines if "duration_seconds" in line and "#" not in line] == [
        *(f'_bucket{{route="GET /plan",le="{end:g}"}} {1 + (end > 0.3)}' for end in BUCKETS_S),
        '_bucket{route="GET /plan",le="+Inf"} 3',
        '_sum{route="GET /plan"} 300.3004',
        '_count{route="GET /plan"} 3',
    ]


def test_events_of_a_commit_count_as_long_as_the_first_of_them() -> None:
    requests = RequestMetrics()
    requests.accepted += 3
    now = time.monotonic()
    requests.end_group(now - 20, now)
    requests.accepted += 1
    requests.end_group(now, now)
    requests.end_group(0, now)  # a commit of something else
    found = {key[2]: value for key, value in requests.values().items() if key[0].endswith("_seconds")}
    assert (found["10"], found["60"], found["+Inf"]) == (1, 4, 4)
    assert 60 <= found["sum"] < 70


def test_counts_of_an_earlier_version_go_on(tmp_path: Path) -> None:
    old = [["footfall_events_accepted_total", "", 5], ["footfall_requests_refused_total", "X", 2]]
    (tmp_path / "totals.json").write_text(json.dumps({"values": old, "added": []}))
    metrics = SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 1})
    found = metrics.gather()
    assert (found[ACCEPTED], found["footfall_requests_refused_total", "X"]) == (6, 2)
    metrics.close()


def test_living_processes_are_added_up(tmp_path: Path) -> None:
    one: Values = {ACCEPTED: 1, WAITING: 10, AWAY: 0, THROUGH: 5}
    two: Values = {ACCEPTED: 2, WAITING: 20, AWAY: 1, THROUGH: 7}
    all_metrics = [SharedMetrics(tmp_path, "web", lambda: one), SharedMetrics(tmp_path, "worker", lambda: two)]
    one[ACCEPTED] = 100
    expected = {WAITING: 30, AWAY: 1, THROUGH: 7, ("footfall_processes", "web"): 1, ("footfall_processes", "worker"): 1}
    assert all_metrics[0].gather() == expected | {ACCEPTED: 102}
    # The other process sees what the first wrote last.
    assert all_metrics[1].gather() == expected | {ACCEPTED: 3}
    all_metrics[0].write()
    assert all_metrics[1].gather() == expected | {ACCEPTED: 102}
    for metrics in all_metrics:
        metrics.close()


def test_what_the_dead_have_counted_stays_and_their_states_go(tmp_path: Path) -> None:
    SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 5, WAITING: 10, AWAY: 1, THROUGH: 7}).close()
    SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 6}).close()
    metrics = SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 1})
    for _ in range(3):
        assert metrics.gather() == {ACCEPTED: 12, THROUGH: 7, ("footfall_processes", "web"): 1}
    metrics.close()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".json", ".json", ".lock"]


def test_a_killed_process_counts_with_what_it_wrote_last(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run(
            [sys.executable, program("count_and_be_killed"), str(tmp_path)], check=False, capture_output=True
        )
    metrics = SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 1})
    assert metrics.gather()[ACCEPTED] == 15
    metrics.close()


@pytest.mark.parametrize("left", [".lock", ".json .lock"])
def test_the_dead_are_added_once_when_their_burial_broke_off(tmp_path: Path, left: str) -> None:
    dead = SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 5})
    dead.close()
    kept = {path.suffix: (path, path.read_bytes()) for path in tmp_path.glob("web-*")}
    metrics = SharedMetrics(tmp_path, "web", dict)
    for suffix in left.split():
        path, content = kept[suffix]
        path.write_bytes(content)
    assert [metrics.gather()[ACCEPTED] for _ in range(3)] == [5, 5, 5]
    metrics.close()


def test_torn_files_cost_their_counts_only(tmp_path: Path) -> None:
    SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 5}).close()
    living = SharedMetrics(tmp_path, "worker", lambda: {AWAY: 1})
    (tmp_path / "totals.json").write_bytes(b'{"values":')
    for path in tmp_path.glob("worker-*.json"):
        path.write_bytes(b"")
    metrics = SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 1})
    assert metrics.gather() == {ACCEPTED: 1, ("footfall_processes", "web"): 1, ("footfall_processes", "worker"): 1}
    metrics.close()
    living.close()


def test_values_that_another_version_knows_are_left_out(tmp_path: Path) -> None:
    metrics = SharedMetrics(tmp_path, "web", lambda: {("footfall_later_total",): 5})
    assert metrics.gather() == {("footfall_processes", "web"): 1}
    metrics.close()


def test_a_disk_that_takes_nothing_keeps_nobody_from_starting(tmp_path: Path) -> None:
    place = tmp_path / "metrics"
    place.write_bytes(b"not a folder")
    metrics = SharedMetrics(place, "web", dict)
    metrics.write()
    metrics.close()


def test_a_process_that_stopped_with_the_lock_keeps_nobody_from_starting(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        metrics = SharedMetrics(tmp_path, "web", dict, lock_timeout_s=0.01)
        with pytest.raises(TimeoutError):
            metrics.gather()
    metrics.close()


def test_many_that_come_go_and_ask_at_once_lose_nothing(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def live() -> None:
        try:
            for _ in range(20):
                metrics = SharedMetrics(tmp_path, "web", lambda: {ACCEPTED: 1})
                metrics.gather()
                metrics.close()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)

    threads = [threading.Thread(target=live) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    metrics = SharedMetrics(tmp_path, "web", dict)
    assert metrics.gather()[ACCEPTED] == 80
    metrics.close()


def test_a_histogram_counts_many_at_once_as_it_counts_one_by_one() -> None:
    values = [0.5, 1, 1, 2, 2.5, 10, 11, 300]
    one_by_one, at_once = (BucketCounts(("footfall_a",), (1, 2, 10)) for _ in range(2))
    for value in values:
        one_by_one.add(value)
    at_once.add_all(values[3:])
    at_once.add_all(values[:3])
    at_once.add_all([])
    assert one_by_one.values() == at_once.values()
    assert [*at_once.values().values()] == [3, 4, 6, 8, 328]


def test_the_steps_of_a_commit_are_told_apart() -> None:
    commits = CommitMetrics()
    assert commits.until_timed == 0
    commits.add(10.0, 10.02, 10.22, 10.23, 7)
    assert commits.until_timed == commits.EACH - 1
    commits.add(20.0, 20.0, 20.0001, 20.0002, 1)
    found = commits.values()
    assert found == commits.values()
    sums = {key[:-1]: round(value, 6) for key, value in found.items() if key[-1] == "sum"}
    assert sums == {
        ("footfall_collect_step_duration_seconds", "gather"): 0.02,
        ("footfall_collect_step_duration_seconds", "answer"): 0.0101,
        ("footfall_journal_sync_duration_seconds",): 0.2001,
        ("footfall_journal_commit_requests",): 8,
    }


def test_one_short_body_in_some_is_timed_and_failures_too() -> None:
    steps = StepMetrics()

    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        steps.time(fail)
    assert steps.until_timed == steps.EACH - 1
    steps.add_long(3)
    found = steps.values()
    assert (found["footfall_collect_step_duration_seconds", "prepare", "+Inf"]) == 1
    assert (found["footfall_collect_step_duration_seconds", "prepare_long", "2.5"]) == 0
    assert (found["footfall_collect_step_duration_seconds", "prepare_long", "5"]) == 1


def test_samples_that_nobody_counts_do_not_grow_without_bound() -> None:
    samples: Samples[int] = Samples()
    for number in range(SAMPLES_MAX + 5):
        samples.add(number)
    taken = samples.take()
    assert (len(taken), taken[0], samples.take()) == (SAMPLES_MAX, 5, [])
