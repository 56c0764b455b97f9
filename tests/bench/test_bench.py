"""What measures: its figures are read right, its tables say them, and it notices a contestant that loses events."""

import json
import time
from pathlib import Path
from typing import Any

import compare
import contestants
import events
import latency
import pytest
import render
import results
import wrk

TOLD = """Running 2s test @ http://127.0.0.1:8000/events
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.10ms    1.20ms  20.11ms   88.00%
  22078 requests in 2.00s, 7.95MB read
Requests/sec:  11028.04
{"requests":22078,"seconds":2.001939,"refused":78,"broken":1,"p50":2.847,"p99":6.238,"p999":9.163}
"""


def test_the_figures_of_wrk_are_read() -> None:
    figures = wrk.read(TOLD)
    assert (figures.answered, figures.broken, figures.p999) == (22000, 1, 9.163)
    assert figures.rate == pytest.approx(22000 / 2.001939)


def test_figures_that_wrk_has_not_told_are_no_zeros() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        wrk.read("unable to connect to 127.0.0.1:1 Connection refused\n")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([3.0, 1.0, 2.0], "2.00 (1.00 to 3.00)"),
        ([12.34], "12.3"),
        ([123456.7, 99.96, 1000.0], "1,000 (100.0 to 123,457)"),
    ],
)
def test_a_spread_has_the_median_and_the_ends(values: list[float], said: str) -> None:
    assert results.spread(values) == said


def test_a_part_that_is_measured_again_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.save("start", {"found": 1}, file)
    results.save("rest", {"found": 2}, file)
    results.save("start", {"found": 3}, file)
    assert results.load(file) == {"start": {"found": 3}, "rest": {"found": 2}}


def target(stored: int, accepted: int | None = None) -> contestants.Target:
    return contestants.Target(
        url=lambda _: "",
        headers={},
        bodies=lambda _: (),
        stored=lambda: stored,
        settle=lambda: 0.0,
        accepted=lambda: accepted,
    )


@pytest.mark.parametrize(
    ("stored", "accepted", "is_right"),
    [
        (1100, None, True),
        (1132, None, True),  # the last request of each connection may have gone unseen
        (1099, None, False),  # one was lost
        (1133, None, False),  # one came twice
        (1110, 1010, True),
        (1110, 1011, False),  # footfall's own count is exact
    ],
)
def test_a_contestant_that_does_not_store_what_it_answered_ends_the_run(
    stored: int, accepted: int | None, is_right: bool
) -> None:
    before, accepted_before = 100, 0 if accepted is not None else None
    arguments: Any = ("somebody", target(stored, accepted), (1000, 1032), before, accepted_before)
    if is_right:
        compare.check(*arguments)
    else:
        with pytest.raises(compare.Mismatch):
            compare.check(*arguments)


def test_every_contestant_gets_the_same_events() -> None:
    body, again = events.bodies(10, 1_800_000_000_000)[0], events.bodies.__wrapped__(10, 1_800_000_000_000)[0]
    assert body == again
    sent = json.loads(body)["events"]
    lines = [json.loads(line) for line in events.lines(body, 1).splitlines()]
    answered = json.loads(events.answer(body))
    assert [{key: line[key] for key in sent[0]} for line in lines] == sent
    assert [{key: one[key] for key in sent[0]} for one in answered] == sent


def test_a_little_of_it_for_real(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with contestants.footfall(int(time.time() * 1000), 1).start(tmp_path / "data") as running:
        seen = latency.drive(running, 10, 50, 1, tmp_path / "work")
        assert (seen["answers"], seen["refused"]) == (50, 0)
        assert 0.9 < seen["seconds"] < 30
        running.settle()
        compare.check("footfall", running, (500, 500), 0, 0)


def test_the_page_says_what_was_measured() -> None:
    assert render.FILE.read_text() == render.page(results.load())
