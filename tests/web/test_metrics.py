"""GET /metrics: who may read it, and what it says of the node."""

import asyncio
import re
from pathlib import Path

from footfall.metrics import METRICS
from footfall.state import JobStatus, StateUnavailable, UserChange


def values(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(\w\S*) (\S+)$", text, re.MULTILINE)}


def test_only_admins_and_monitors_read_the_metrics(service) -> None:
    async def run() -> None:
        async with service() as opened:
            nobody, anna, root = [await client.get("/metrics") for client in (opened.client, opened.anna, opened.root)]
            assert opened.state.users.change("anna", UserChange(monitor=True))
            assert (await opened.anna.get("/metrics")).status_code == 200
            assert (await opened.anna.get("/quarantine")).status_code == 403
        assert (nobody.status_code, anna.status_code, root.status_code) == (401, 403, 200)
        assert anna.json()[0]["value"]["code"] == "REQUEST_AUTHORIZATION_FAILURE"
        assert root.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert root.headers["cache-control"] == "no-store"

    asyncio.run(run())


def test_everyone_does_where_the_setting_says_so(service) -> None:
    async def run() -> None:
        async with service(metrics_public=True) as opened:
            for client in (opened.client, opened.anna, opened.root):
                assert (await client.get("/metrics")).status_code == 200

    asyncio.run(run())


def test_the_node_is_described(service, tmp_path: Path) -> None:
    async def run() -> None:
        async with service() as opened:
            journal, aside = tmp_path / "journal", tmp_path / "aside"
            aside.mkdir()
            (aside / "1.jsonl.zst").write_bytes(b"x")
            (journal / f"{opened.clock.ms - 4000:013d}-w-000001.jsonl.zst").write_bytes(b"12345")
            (journal / f"{opened.clock.ms - 1000:013d}-w-000002.jsonl.zst.open").write_bytes(b"123")
            await opened.fail(JobStatus.FAILED, "because")
            await opened.start()
            await opened.client.get("/nothing")
            text = (await opened.root.get("/metrics")).text
            found = values(text)
        assert found.pop("footfall_disk_free_bytes") > 0
        assert {name: value for name, value in found.items() if value or "reports" in name} == {
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

    asyncio.run(run())


def test_without_the_state_the_rest_is_told(service, monkeypatch) -> None:
    async def run() -> None:
        async with service(metrics_public=True) as opened:

            def away() -> None:
                raise StateUnavailable("gone")

            monkeypatch.setattr(opened.state.jobs, "count_by_status", away)
            answer = await opened.client.get("/metrics")
        assert answer.status_code == 200
        assert "footfall_reports" not in answer.text
        assert "footfall_journal_bytes 0\n" in answer.text

    asyncio.run(run())


def test_metrics_that_the_disk_does_not_give_are_refused_for_now(service, tmp_path: Path) -> None:
    async def run() -> None:
        async with service() as opened:
            lock = tmp_path / "run" / "metrics" / "lock"
            lock.unlink()
            lock.mkdir()
            answer = await opened.root.get("/metrics")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "the metrics cannot be read now: Is a directory" in answer.text

    asyncio.run(run())
