"""Workers that are killed at any point of a report's life: another makes the report, or it is never COMPLETE."""

import asyncio
import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footfall.reports import file_path
from footfall.state import Job, JobStatus

DYING = Path(__file__).parents[1] / "support" / "dying.py"
MAKING = (
    "after the claim",
    "at the barrier",
    "in the scan",
    "before the first block",
    "in the middle of the blocks",
    "before the file is finished",
    "before the record",
    "during the record",
    "after the record",
)


def check(place: Any, job: Job) -> Job:
    """The job as it is now; when it is COMPLETE, its file is there, unless it is handed out no more."""
    now = place.state.jobs.get(job.id)
    assert isinstance(now, Job)
    path = place.settings.data / "files" / file_path(now)
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # a worker may be removing it at this very moment
        content = b""
    # Looked at again, because the file may have been removed since.
    handed_out = now.status is JobStatus.COMPLETE and not place.state.jobs.get(job.id).expired
    if handed_out:
        assert (len(content), hashlib.sha256(content).hexdigest()) == (now.bytes, now.sha256)
    return now


def run_until_dead(place: Any, point: str, job: Job) -> None:
    worker = subprocess.Popen([sys.executable, DYING, point, msgspec.json.encode(place.settings).decode()])
    try:
        until_s = time.monotonic() + 60
        while worker.poll() is None:
            check(place, job)
            assert time.monotonic() < until_s, f"no worker came to the point {point!r} in a minute"
            time.sleep(0.005)
        assert worker.returncode == -signal.SIGKILL
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.parametrize("point", MAKING)
async def test_a_report_outlives_its_worker(make_place: Any, point: str) -> None:
    place = make_place()
    place.fill()
    job = await place.order(output={"header": True})
    run_until_dead(place, point, job)
    dead = check(place, job)
    assert dead.status is (JobStatus.COMPLETE if point == "after the record" else JobStatus.RUNNING)
    if dead.status is JobStatus.RUNNING:
        place.state.jobs.renew(job.id, dead.owner, 0)
    watermark = {"header": True, "asOf": job.watermark_ms}
    undisturbed = await place.order(output=watermark)
    async with place.running():
        while check(place, job).status is JobStatus.RUNNING:
            await asyncio.sleep(0.01)
        ended = check(place, job)
        expected = await place.ended(undisturbed)
    assert (ended.status, ended.tries) == (JobStatus.COMPLETE, 1 if point == "after the record" else 2)
    assert (ended.sha256, ended.bytes, ended.rows) == (expected.sha256, expected.bytes, place.rows)
    assert await place.read(ended) == await place.read(expected)
    # Nothing is left of the dead.
    assert place.stored() == sorted([file_path(ended), file_path(expected)])


@pytest.mark.parametrize("point", ["before the file is removed", "after the file is removed"])
async def test_a_file_is_removed_whoever_dies_over_it(make_place: Any, point: str) -> None:
    place = make_place()
    place.load([{"timestamp": 1}])

    # By the machine's clock, which the dying worker has, its days are over.
    job = await place.make()
    assert len(place.stored()) == 1
    run_until_dead(place, point, job)
    dead = check(place, job)
    assert (dead.status, dead.expired, dead.removed) == (JobStatus.COMPLETE, True, False)
    async with place.running():
        ended = await place.seen(job, lambda job: job.removed)
    assert (ended.status, ended.sha256, place.stored()) == (JobStatus.COMPLETE, job.sha256, [])
