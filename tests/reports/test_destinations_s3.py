"""Reports in an object store: delivered whole or not at all, linked to where they are, and removed by the rules."""

import asyncio
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from s3 import BUCKET, S3, SECRET

from footfall.errors import Code, RequestRefused
from footfall.files import Files
from footfall.settings.object_stores import Destination
from footfall.state import Job, JobStatus

BASE = "http://localhost"
DAY_MS = 86_400_000


@pytest.fixture
def lake(s3: S3, make_place: Any) -> Any:
    """A place of reports with that server as the destination `lake`."""
    return make_place(destinations={"lake": lake_of(s3)}, files_timeout_s=1)


def lake_of(s3: S3, **changes: Any) -> Destination:
    return Destination(url=f"s3://{BUCKET}/from/footfall", options=s3.options(**changes))


async def delivered(place: Any, **output: Any) -> Job:
    job = await place.make(output={"bucketName": "lake", **output})
    assert isinstance(job, Job)
    return job


async def link_of(place: Any, job: Job) -> str:
    link = await place.desk.link(place.user, job, BASE)
    assert isinstance(link, str)
    assert link.startswith(f"{BASE}/files/JOB-{job.id}/")
    return link


async def followed(place: Any, job: Job) -> str:
    """Where the report's link leads, at the store itself."""
    _, source, token, name = (await link_of(place, job)).rsplit("/", 3)
    location = (await place.desk.download(source, token, name)).location
    assert isinstance(location, str)
    return location


async def test_a_report_is_complete_when_it_is_at_its_destination(s3: S3, lake: Any) -> None:
    lake.load([{"timestamp": 1}, {"timestamp": 2}])
    job = await delivered(lake, bucketKey="usage/a b+ö.csv")
    assert job.status is JobStatus.COMPLETE, job.reason
    assert s3.keys() == ["from/footfall/usage/a b+ö.csv"]
    assert s3.read(s3.keys()[0]) == b"1|T|a\n2|T|a\n"
    assert lake.stored() == []
    head = s3.head(s3.keys()[0])
    assert (head["ContentType"], head["Metadata"]["footfall"]) == ("text/csv", job.id)
    assert "filename*=UTF-8''a%20b%2B%C3%B6.csv" in head["ContentDisposition"]


async def test_without_a_key_the_file_has_its_own_name(s3: S3, lake: Any) -> None:
    job = await delivered(lake)
    assert s3.keys() == [f"from/footfall/{job.file}"]


async def test_a_link_leads_to_the_store_which_serves_the_file_for_a_short_time(s3: S3, lake: Any) -> None:
    lake.fill()
    job = await delivered(lake, bucketKey="a.csv")
    link = await followed(lake, job)
    parts = urlsplit(link)
    assert (f"{parts.scheme}://{parts.netloc}", parts.path) == (s3.url, f"/{BUCKET}/from/footfall/a.csv")
    assert parse_qs(parts.query)["X-Amz-Expires"] == ["60"]
    assert SECRET not in link
    answer = httpx.get(link)
    assert (answer.status_code, answer.content) == (200, lake.filled)
    assert answer.headers["content-type"] == "text/csv"
    assert answer.headers["content-disposition"].startswith('attachment; filename="a.csv"')
    part = httpx.get(link, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, lake.filled[10:20])


async def test_a_link_is_footfalls_own_where_the_settings_say_so(s3: S3, make_place: Any) -> None:
    hidden = Destination(url=f"s3://{BUCKET}", options=s3.options(), presign=False)
    place = make_place(destinations={"lake": hidden})
    place.fill()
    job = await delivered(place, bucketKey="a.csv")
    _, source, token, name = (await link_of(place, job)).rsplit("/", 3)
    assert (await place.desk.download(source, token, name)).location is None
    assert await place.read(job) == place.filled


async def test_the_place_of_all_files_may_be_an_object_store(s3: S3, make_place: Any) -> None:
    place = make_place(files_url=f"s3://{BUCKET}/kept", files_options=s3.options())
    place.fill()
    job = await place.make()
    assert s3.keys() == [f"kept/{job.id}/1/{job.file}"]
    link = await followed(place, job)
    assert urlsplit(link).path.endswith(f"/{job.file}")
    assert httpx.get(link).content == place.filled
    place.clock.ms += 31 * DAY_MS

    async with place.running():
        await place.seen(job, lambda job: job.expired)
    assert s3.keys() == []


async def test_what_was_delivered_outlives_its_report_unless_it_is_removed(s3: S3, lake: Any) -> None:
    first, second = await delivered(lake, bucketKey="1.csv"), await delivered(lake, bucketKey="2.csv")
    lake.destinations.expire(first)
    assert len(s3.keys()) == 2
    lake.destinations.remove(second)
    assert s3.keys() == ["from/footfall/1.csv"]
    lake.destinations.remove(second)


async def test_the_last_writer_of_a_key_wins_and_nobody_gets_or_removes_anothers_file(s3: S3, lake: Any) -> None:
    lake.load([{"timestamp": 1}])
    first = await delivered(lake, bucketKey="same.csv")
    second = await delivered(lake, bucketKey="same.csv")
    assert (first.bytes, first.status) == (second.bytes, second.status)
    with pytest.raises(RequestRefused) as caught:
        await link_of(lake, first)
    assert caught.value.code is Code.EVENT_JOB_GET_FAILED
    lake.destinations.remove(first)
    assert httpx.get(await followed(lake, second)).content == b"1|T|a\n"


async def test_an_attempt_after_a_crash_writes_the_same_file_again(s3: S3, lake: Any) -> None:
    lake.fill()
    job = await lake.order(output={"bucketName": "lake", "bucketKey": "a.csv"})
    dead = lake.state.jobs.claim("the dead", 0)
    lake.destinations.put(dead, iter([lake.filled]))
    async with lake.running():
        ended = await lake.ended(job)
    assert isinstance(ended, Job)
    job = ended
    assert (job.status, job.tries) == (JobStatus.COMPLETE, 2)
    assert s3.read("from/footfall/a.csv") == lake.filled
    link = await followed(lake, job)
    assert httpx.get(link).content == lake.filled


async def test_wrong_credentials_fail_the_report_and_stay_secret(
    s3: S3, make_place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with s3.checking() as right:
        wrong = right | {"secret_access_key": SECRET}
        place = make_place(destinations={"lake": lake_of(s3, **wrong), "good": lake_of(s3, **right)})
        with caplog.at_level(logging.DEBUG, "footfall"):
            job = await delivered(place)
        reason = "the destination 'lake' does not let the service in with its credentials"
        assert (job.status, job.reason) == (JobStatus.FAILED, reason)
        formatter = logging.Formatter()
        log = "\n".join(formatter.format(record) for record in caplog.records if record.name.startswith("footfall"))
        assert "SignatureDoesNotMatch" in log
        assert not [secret for secret in wrong.values() if secret in log]
        assert (await delivered(place, bucketName="good")).status is JobStatus.COMPLETE


async def test_a_bucket_that_is_not_there_fails_the_report(s3: S3, make_place: Any) -> None:
    place = make_place(destinations={"lake": Destination(url="s3://no-such-lake", options=s3.options())})
    job = await delivered(place)
    reason = "the destination 'lake' has no such bucket, or the file was removed"
    assert (job.status, job.reason) == (JobStatus.FAILED, reason)


async def test_an_outage_is_outlived(s3: S3, lake: Any, caplog: pytest.LogCaptureFixture) -> None:
    lake.fill()
    s3.stop()
    job = await lake.order(output={"bucketName": "lake", "bucketKey": "a.csv"})
    async with lake.running():
        async with asyncio.timeout(60):
            while "a store is away, trying again" not in caplog.text:
                await asyncio.sleep(0.01)
        assert lake.state.jobs.get(job.id).status is JobStatus.RUNNING
        await asyncio.to_thread(s3.start)
        ended = await lake.ended(job)
    assert isinstance(ended, Job)
    job = ended
    assert (job.status, job.tries) == (JobStatus.COMPLETE, 1)
    assert s3.read("from/footfall/a.csv") == lake.filled


async def test_an_outage_that_does_not_end_fails_the_report(s3: S3, make_place: Any) -> None:
    place = make_place(destinations={"lake": lake_of(s3)}, files_timeout_s=1, report_timeout_s=2)
    s3.stop()
    job = await delivered(place)
    s3.start()
    assert (job.status, job.reason) == (JobStatus.FAILED, "the destination 'lake' could not be reached")


async def test_a_store_that_is_away_costs_a_link_only_the_wait(s3: S3, lake: Any) -> None:
    job = await delivered(lake)
    s3.stop()
    with pytest.raises(RequestRefused) as caught:
        await link_of(lake, job)
    s3.start()
    assert (caught.value.code, caught.value.retry_after_s) == (Code.SERVICE_UNAVAILABLE, 10)
    assert httpx.get(await followed(lake, job)).status_code == 200


async def test_a_report_that_is_given_up_meanwhile_leaves_nothing_at_its_destination(s3: S3, lake: Any) -> None:
    class Late(Files):
        """Has the report ended by somebody else when its file has just come to its destination."""

        def put(self, *args: Any) -> int:
            size = super().put(*args)
            job = lake.state.jobs.newest(None, 1, None)[0]
            ended = lake.state.jobs.finish(job.id, job.owner, JobStatus.FAILED, lake.now_ms, 0, 0, None, "not wanted")
            assert ended
            assert s3.keys() == ["from/footfall/a.csv"]
            return size

    job = await lake.order(output={"bucketName": "lake", "bucketKey": "a.csv"})
    runner = lake.runner()
    runner._destinations._named["lake"] = Late(lake.settings, "lake")
    async with lake.running(runner):
        assert (await lake.ended(job)).reason == "not wanted"
    assert s3.keys() == []


async def test_a_file_that_could_not_be_removed_at_its_destination_goes_when_it_can(s3: S3, lake: Any) -> None:
    kept, removed = await delivered(lake, bucketKey="kept.csv"), await delivered(lake, bucketKey="removed.csv")

    s3.stop()
    await lake.desk.end(lake.user, f"JOB-{removed.id}")
    assert not lake.state.jobs.get(removed.id).removed
    await asyncio.to_thread(s3.start)
    assert len(s3.keys()) == 2
    async with lake.running():
        await lake.seen(removed, lambda job: job.removed)
    assert s3.keys() == ["from/footfall/kept.csv"]
    await lake.desk.end(lake.user, f"JOB-{kept.id}")
    assert s3.keys() == []
