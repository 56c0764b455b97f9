"""Reports in an object store: delivered whole or not at all, linked to where they are, and removed by the rules."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import obstore
import pytest
from s3 import BUCKET, S3, SECRET

from footfall.errors import Code, RequestRefused
from footfall.places import Destination
from footfall.reports import Files, FilesFailed
from footfall.reports.files import PART_BYTES, FilesAway
from footfall.settings import Settings
from footfall.state import Job, JobStatus

MIB = 1 << 20
BASE = "http://localhost"
DAY_MS = 86_400_000


# A process that delivers 300 MiB, and tells by how many bytes the most memory that it ever took has grown.
DELIVERING = r"""
import re, sys, msgspec
from footfall.reports import Files
from footfall.settings import Settings

def peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1]) * 1024

files = Files(msgspec.json.decode(sys.argv[1], type=Settings))
files.put("warm", iter([b"x"]))
before = peak()
files.put("a.csv", (bytes([n % 256]) * (1 << 20) for n in range(300)))
print(peak() - before)
"""


# A process that says when it has sent some parts of a file, and then sends no more.
STUCK = """
import sys, time, msgspec
from footfall.reports import Files
from footfall.settings import Settings

def blocks():
    for _ in range(40):
        yield bytes(1 << 20)
    print("sent", flush=True)
    time.sleep(600)

Files(msgspec.json.decode(sys.argv[1], type=Settings)).put("a.csv", blocks())
"""


class Broken(Exception):
    """What the source of the blocks raises."""


@pytest.fixture
def s3() -> Iterator[S3]:
    server = S3()
    yield server
    server.close()


@pytest.fixture
def lake(s3: S3, make_place: Any) -> Any:
    """A place of reports with that server as the destination `lake`."""
    return make_place(destinations={"lake": lake_of(s3)}, files_timeout_s=1)


def lake_of(s3: S3, **changes: Any) -> Destination:
    return Destination(url=f"s3://{BUCKET}/from/footfall", options=s3.options(**changes))


def store_of(s3: S3) -> Files:
    settings = Settings(files_url=f"s3://{BUCKET}/kept", files_options=s3.options(), files_timeout_s=1)
    return Files(settings)


def blocks(count: int, error: Exception | None = None) -> Iterator[bytes]:
    yield from (b"x" * MIB for _ in range(count))
    if error is not None:
        raise error


def delivered(place: Any, **output: Any) -> Job:
    job = asyncio.run(place.make(output={"bucketName": "lake", **output}))
    assert isinstance(job, Job)
    return job


def link_of(place: Any, job: Job) -> str:
    link = asyncio.run(place.desk.link(job, BASE))
    assert isinstance(link, str)
    return link


def test_a_file_goes_up_in_parts_and_is_seen_when_it_is_whole(s3: S3) -> None:
    files = store_of(s3)
    parts = 4

    def watched() -> Iterator[bytes]:
        for block in blocks(parts * PART_BYTES // MIB):
            assert s3.keys() == []
            yield block
        assert s3.uploads() == ["kept/a.csv"]

    assert files.put("a.csv", watched()) == parts * PART_BYTES
    assert s3.keys() == ["kept/a.csv"]
    assert s3.head("kept/a.csv")["ETag"].endswith(f'-{parts}"')
    assert s3.uploads() == []


def test_a_process_that_is_killed_leaves_nothing_to_see(s3: S3) -> None:
    settings = {"files_url": f"s3://{BUCKET}/kept", "files_options": s3.options()}
    command = [sys.executable, "-c", STUCK, json.dumps(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"sent\n"
        process.kill()
    assert (s3.keys(), s3.uploads()) == ([], ["kept/a.csv"])
    assert store_of(s3).put("a.csv", blocks(1)) == MIB
    assert s3.read("kept/a.csv") == b"x" * MIB


def test_memory_does_not_grow_with_the_file(s3: S3) -> None:
    settings = {"files_url": f"s3://{BUCKET}/kept", "files_options": s3.options()}
    command = [sys.executable, "-c", DELIVERING, json.dumps(settings)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert s3.head("kept/a.csv")["ContentLength"] == 300 * MIB
    assert grown < 100 * MIB, f"{grown / MIB:.0f} MiB"


@pytest.mark.parametrize("good", [0, 1, 40])
def test_blocks_that_break_off_leave_neither_a_file_nor_an_upload(s3: S3, good: int) -> None:
    with pytest.raises(Broken):
        store_of(s3).put("a.csv", blocks(good, Broken()))
    assert (s3.keys(), s3.uploads()) == ([], [])


def test_a_source_that_fails_like_a_store_is_not_taken_for_one(s3: S3) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        store_of(s3).put("a.csv", blocks(1, FileNotFoundError("the source")))
    assert not isinstance(caught.value, FilesFailed)


def test_a_report_is_complete_when_it_is_at_its_destination(s3: S3, lake: Any) -> None:
    lake.load([{"timestamp": 1}, {"timestamp": 2}])
    job = delivered(lake, bucketKey="usage/a b+ö.csv")
    assert job.status is JobStatus.COMPLETE, job.reason
    assert s3.keys() == ["from/footfall/usage/a b+ö.csv"]
    assert s3.read(s3.keys()[0]) == b"1|T|a\n2|T|a\n"
    assert lake.stored() == []
    head = s3.head(s3.keys()[0])
    assert (head["ContentType"], head["Metadata"]["footfall"]) == ("text/csv", job.id)
    assert "filename*=UTF-8''a%20b%2B%C3%B6.csv" in head["ContentDisposition"]


def test_without_a_key_the_file_has_its_own_name(s3: S3, lake: Any) -> None:
    job = delivered(lake)
    assert s3.keys() == [f"from/footfall/{job.file}"]


def test_a_link_leads_to_the_store_and_is_good_for_its_time(s3: S3, lake: Any) -> None:
    lake.fill()
    job = delivered(lake, bucketKey="a.csv")
    link = link_of(lake, job)
    parts = urlsplit(link)
    assert (f"{parts.scheme}://{parts.netloc}", parts.path) == (s3.url, f"/{BUCKET}/from/footfall/a.csv")
    assert parse_qs(parts.query)["X-Amz-Expires"] == ["900"]
    assert SECRET not in link
    answer = httpx.get(link)
    assert (answer.status_code, answer.content) == (200, lake.filled)
    assert answer.headers["content-type"] == "text/csv"
    assert answer.headers["content-disposition"].startswith('attachment; filename="a.csv"')
    part = httpx.get(link, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, lake.filled[10:20])


def test_a_link_is_footfalls_own_where_the_settings_say_so(s3: S3, make_place: Any) -> None:
    hidden = Destination(url=f"s3://{BUCKET}", options=s3.options(), presign=False)
    place = make_place(destinations={"lake": hidden})
    place.fill()
    job = delivered(place, bucketKey="a.csv")
    assert link_of(place, job).startswith(f"{BASE}/files/JOB-{job.id}/")
    assert asyncio.run(place.read(job)) == place.filled


def test_the_place_of_all_files_may_be_an_object_store(s3: S3, make_place: Any) -> None:
    place = make_place(files_url=f"s3://{BUCKET}/kept", files_options=s3.options())
    place.fill()
    job = asyncio.run(place.make())
    assert s3.keys() == [f"kept/{job.id}/1/{job.file}"]
    link = link_of(place, job)
    assert urlsplit(link).path.endswith(f"/{job.file}")
    assert httpx.get(link).content == place.filled
    place.clock.ms += 31 * DAY_MS

    async def keep_house() -> None:
        async with place.running():
            await place.seen(job, lambda job: job.expired)

    asyncio.run(keep_house())
    assert s3.keys() == []


def test_what_was_delivered_outlives_its_report_unless_it_is_removed(s3: S3, lake: Any) -> None:
    first, second = delivered(lake, bucketKey="1.csv"), delivered(lake, bucketKey="2.csv")
    lake.destinations.expire(first)
    assert len(s3.keys()) == 2
    lake.destinations.remove(second)
    assert s3.keys() == ["from/footfall/1.csv"]
    lake.destinations.remove(second)


def test_the_last_writer_of_a_key_wins_and_nobody_gets_or_removes_anothers_file(s3: S3, lake: Any) -> None:
    lake.load([{"timestamp": 1}])
    first = delivered(lake, bucketKey="same.csv")
    second = delivered(lake, bucketKey="same.csv")
    assert (first.bytes, first.status) == (second.bytes, second.status)
    with pytest.raises(RequestRefused) as caught:
        link_of(lake, first)
    assert caught.value.code is Code.EVENT_JOB_GET_FAILED
    lake.destinations.remove(first)
    assert httpx.get(link_of(lake, second)).content == b"1|T|a\n"


def test_an_attempt_after_a_crash_writes_the_same_file_again(s3: S3, lake: Any) -> None:
    lake.fill()

    async def make() -> Job:
        job = await lake.order(output={"bucketName": "lake", "bucketKey": "a.csv"})
        dead = lake.state.job_claim("the dead", lake.now_ms, 1)
        lake.destinations.put(dead, iter([lake.filled]))
        lake.clock.ms += 1
        async with lake.running():
            ended = await lake.ended(job)
        assert isinstance(ended, Job)
        return ended

    job = asyncio.run(make())
    assert (job.status, job.tries) == (JobStatus.COMPLETE, 2)
    assert s3.read("from/footfall/a.csv") == lake.filled
    assert httpx.get(link_of(lake, job)).content == lake.filled


def test_wrong_credentials_fail_the_report_and_stay_secret(
    s3: S3, make_place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with s3.checking() as right:
        wrong = right | {"secret_access_key": SECRET}
        place = make_place(destinations={"lake": lake_of(s3, **wrong), "good": lake_of(s3, **right)})
        with caplog.at_level(logging.DEBUG, "footfall"):
            job = delivered(place)
        reason = "the destination 'lake' does not let the service in with its credentials"
        assert (job.status, job.reason) == (JobStatus.FAILED, reason)
        formatter = logging.Formatter()
        log = "\n".join(formatter.format(record) for record in caplog.records if record.name.startswith("footfall"))
        assert "SignatureDoesNotMatch" in log
        assert not [secret for secret in wrong.values() if secret in log]
        assert delivered(place, bucketName="good").status is JobStatus.COMPLETE


def test_a_bucket_that_is_not_there_fails_the_report(s3: S3, make_place: Any) -> None:
    place = make_place(destinations={"lake": Destination(url="s3://no-such-lake", options=s3.options())})
    job = delivered(place)
    reason = "the destination 'lake' has no such bucket, or the file was removed"
    assert (job.status, job.reason) == (JobStatus.FAILED, reason)


def test_an_outage_is_outlived(s3: S3, lake: Any, caplog: pytest.LogCaptureFixture) -> None:
    lake.fill()

    async def make() -> Job:
        s3.stop()
        job = await lake.order(output={"bucketName": "lake", "bucketKey": "a.csv"})
        async with lake.running():
            async with asyncio.timeout(60):
                while "a store is away, trying again" not in caplog.text:
                    await asyncio.sleep(0.01)
            assert lake.state.job_get(job.id).status is JobStatus.RUNNING
            await asyncio.to_thread(s3.start)
            ended = await lake.ended(job)
        assert isinstance(ended, Job)
        return ended

    job = asyncio.run(make())
    assert (job.status, job.tries) == (JobStatus.COMPLETE, 1)
    assert s3.read("from/footfall/a.csv") == lake.filled


def test_an_outage_that_does_not_end_fails_the_report(s3: S3, make_place: Any) -> None:
    place = make_place(destinations={"lake": lake_of(s3)}, files_timeout_s=1, report_timeout_s=2)
    s3.stop()
    job = delivered(place)
    s3.start()
    assert (job.status, job.reason) == (JobStatus.FAILED, "the destination 'lake' could not be reached")


def test_an_outage_in_the_middle_of_a_file_leaves_nothing_to_see(s3: S3) -> None:
    files = store_of(s3)

    def broken() -> Iterator[bytes]:
        yield from blocks(20)
        s3.stop()
        yield from blocks(20)

    with pytest.raises(FilesAway) as caught:
        files.put("a.csv", broken())
    s3.start()
    assert s3.keys() == []
    assert caught.value.reason == "the object store of report files could not be reached"
    assert SECRET not in repr(caught.value)
    assert files.put("a.csv", blocks(20)) == 20 * MIB
    assert s3.keys() == ["kept/a.csv"]


def test_a_store_that_is_away_costs_a_link_only_the_wait(s3: S3, lake: Any) -> None:
    job = delivered(lake)
    s3.stop()
    with pytest.raises(RequestRefused) as caught:
        link_of(lake, job)
    s3.start()
    assert (caught.value.code, caught.value.retry_after_s) == (Code.SERVICE_UNAVAILABLE, 10)
    assert httpx.get(link_of(lake, job)).status_code == 200


def test_an_answer_that_was_lost_does_not_make_a_file_fail(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 says that there is no such upload when a request to complete it is sent again."""
    files = store_of(s3)

    put = obstore.put

    def put_twice(*args: Any, **options: Any) -> Any:
        put(*args, **options)
        raise FileNotFoundError("NoSuchUpload")

    monkeypatch.setattr(obstore, "put", put_twice)
    assert files.put("a.csv", blocks(1), {"footfall": "me"}) == MIB
    with pytest.raises(FilesFailed):
        files.put("a.csv", blocks(1))


def test_a_report_that_is_given_up_meanwhile_leaves_nothing_at_its_destination(s3: S3, lake: Any) -> None:
    class Late(Files):
        """Has the report ended by somebody else when its file has just come to its destination."""

        def put(self, *args: Any) -> int:
            size = super().put(*args)
            job = lake.state.job_list(None, 1, None)[0]
            ended = lake.state.job_finish(job.id, job.owner, JobStatus.FAILED, lake.now_ms, 0, 0, None, "not wanted")
            assert ended
            assert s3.keys() == ["from/footfall/a.csv"]
            return size

    async def make() -> None:
        job = await lake.order(output={"bucketName": "lake", "bucketKey": "a.csv"})
        runner = lake.runner()
        runner._files._named["lake"] = Late(lake.settings, "lake")
        async with lake.running(runner):
            assert (await lake.ended(job)).reason == "not wanted"

    asyncio.run(make())
    assert s3.keys() == []
