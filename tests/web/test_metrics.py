"""GET /metrics: who may read it, and what it says of the node."""

import platform
import re
from importlib.metadata import version
from pathlib import Path

from footfall.metrics import METRICS
from footfall.settings import Settings
from footfall.state import JobStatus, StateUnavailable, UserChange
from footfall.system.data_folder import note_backup


def values(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(\w.*) (\S+)$", text, re.MULTILINE)}


async def test_only_admins_and_monitors_read_the_metrics(service) -> None:
    async with service() as opened:
        nobody, anna, root = [await client.get("/metrics") for client in (opened.client, opened.anna, opened.root)]
        assert opened.state.users.change("anna", UserChange(monitor=True))
        assert (await opened.anna.get("/metrics")).status_code == 200
        assert (await opened.anna.get("/quarantine")).status_code == 403
    assert (nobody.status_code, anna.status_code, root.status_code) == (401, 403, 200)
    assert anna.json()[0]["value"]["code"] == "REQUEST_AUTHORIZATION_FAILURE"
    assert root.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert root.headers["cache-control"] == "no-store"


async def test_everyone_does_where_the_setting_says_so(service) -> None:
    async with service(metrics_public=True) as opened:
        for client in (opened.client, opened.anna, opened.root):
            assert (await client.get("/metrics")).status_code == 200


async def test_the_node_is_described(service, tmp_path: Path) -> None:
    async with service() as opened:
        journal, aside = tmp_path / "journal", tmp_path / "aside"
        aside.mkdir()
        (aside / "1.jsonl.zst").write_bytes(b"x")
        (journal / f"{opened.clock.ms - 4000:013d}-w-000001.jsonl.zst").write_bytes(b"12345")
        (journal / f"{opened.clock.ms - 1000:013d}-w-000002.jsonl.zst.open").write_bytes(b"123")
        await opened.fail(JobStatus.FAILED, "because")
        await opened.start()
        await opened.client.get("/nothing")
        note_backup(Settings(data_dir=str(tmp_path)), opened.clock.ms - 60_000)
        text = (await opened.root.get("/metrics")).text
        found = values(text)
    assert found.pop("footfall_disk_free_bytes") > 0
    assert {
        name: value
        for name, value in found.items()
        if "request_d" not in name and (value or "footfall_reports" in name)
    } == {
        f'footfall_build_info{{version="{version("footfall")}",python="{platform.python_version()}"}}': 1,
        "footfall_backup_age_seconds": 60,
        'footfall_requests_total{route="POST /reports",status="2xx"}': 2,
        'footfall_requests_total{route="other",status="4xx"}': 1,
        "footfall_events_accepted_total": 12,
        'footfall_requests_refused_total{code="REQUEST_NOT_FOUND"}': 1,
        "footfall_journal_bytes": 8,
        "footfall_journal_segments": 2,
        "footfall_journal_oldest_segment_age_seconds": 4.001,
        "footfall_segments_aside": 1,
        'footfall_reports{status="RUNNING"}': 1,
        'footfall_reports{status="COMPLETE"}': 0,
        'footfall_reports{status="TIMEOUT"}': 0,
        'footfall_reports{status="FAILED"}': 1,
        'footfall_processes{role="web"}': 1,
    }
    for metric in METRICS:
        if metric.name in text:
            head = f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n{metric.name}"
            assert text.count(head) == 1


async def test_routes_are_templates_however_many_paths_are_asked_for(service) -> None:
    async with service() as opened:
        before = values((await opened.root.get("/metrics")).text).keys()
        for number in range(3):
            await opened.anna.get(f"/reports/JOB-{number}")
            await opened.client.request("HEAD", f"/files/{number}/x/y")
            await opened.anna.request("PATCH", f"/reports/JOB-{number}")
            await opened.client.get(f"/{number}")
        found = values((await opened.root.get("/metrics")).text)
    counted = {name: found[name] for name in found if name.startswith("footfall_requests_total") and found[name]}
    assert counted == {
        'footfall_requests_total{route="GET /metrics",status="2xx"}': 1,
        'footfall_requests_total{route="GET /reports/{source}",status="4xx"}': 3,
        'footfall_requests_total{route="GET /files/{source}/{token}/{name}",status="4xx"}': 3,
        'footfall_requests_total{route="other",status="4xx"}': 6,
    }
    routes = {re.search(r'route="([^"]*)"', name)[1] for name in found.keys() - before if "route" in name}
    assert len(routes) == 4
    assert found['footfall_request_duration_seconds_count{route="other"}'] == 6


async def test_without_the_state_the_rest_is_told(service, monkeypatch) -> None:
    async with service(metrics_public=True) as opened:

        def away() -> None:
            raise StateUnavailable("gone")

        monkeypatch.setattr(opened.state.jobs, "count_by_status", away)
        answer = await opened.client.get("/metrics")
    assert answer.status_code == 200
    assert "footfall_reports" not in answer.text
    assert "footfall_journal_bytes 0\n" in answer.text


async def test_metrics_that_the_disk_does_not_give_are_refused_for_now(service, tmp_path: Path) -> None:
    async with service() as opened:
        lock = tmp_path / "run" / "metrics" / "lock"
        lock.unlink()
        lock.mkdir()
        answer = await opened.root.get("/metrics")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "the metrics cannot be read now: Is a directory" in answer.text
