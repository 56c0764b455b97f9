"""A schedule of the whole service: its reports come by themselves."""

import time
from typing import Any

HOUR_MS = 3_600_000
EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "context": ["string"],
}


def wait(service: Any, path: str, count: int, limit_s: float = 60) -> list[dict[str, Any]]:
    """The runs of a schedule when at least so many are complete."""
    end = time.monotonic() + limit_s
    while True:
        runs: list[dict[str, Any]] = service.client.get(path).raise_for_status().json()["runs"]
        if sum(run["status"] == "COMPLETE" for run in runs) >= count:
            return runs
        assert time.monotonic() < end, runs
        time.sleep(0.2)


def test_reports_come_by_themselves_and_go_on_after_a_kill(serve: Any) -> None:
    service = serve()
    now_ms = time.time_ns() // 1_000_000
    start_ms = now_ms // HOUR_MS * HOUR_MS - 2 * HOUR_MS
    assert service.post([{**EVENT, "timestamp": start_ms + n * HOUR_MS} for n in (0, 1)]).status_code == 200
    body = {
        "every": "hour",
        "graceSeconds": 0,
        "from": start_ms,
        "filter": {"customer": "BARCHART", "product": "PORTFOLIO"},
    }
    schedule = service.client.post("/schedules", json=body).raise_for_status().json()
    path = f"/schedules/{schedule['id']}"
    # An hour may end while this runs.
    runs = wait(service, path, 2)[-2:]
    assert [run["start"] for run in runs] == [start_ms + HOUR_MS, start_ms]
    for run in runs:
        file = service.client.get(f"/reports/{run['source']}", headers={"accept": "text/csv"}, follow_redirects=True)
        assert file.text == f"{run['start']}|PORTFOLIO-APPLICATION-LOADED|string{'|' * 9}\n"
    assert service.client.delete(path).status_code == 200
    port = service.port
    service.kill_group()
    again = serve(port=port)
    status = again.client.get(f"/reports/{runs[0]['source']}/availability").json()
    assert (status["status"], status["filter"]["start"]) == ("COMPLETE", start_ms + HOUR_MS)
    path = f"/schedules/{again.client.post('/schedules', json=body).raise_for_status().json()['id']}"
    assert len({run["source"] for run in wait(again, path, 2)[-2:]}) == 2
