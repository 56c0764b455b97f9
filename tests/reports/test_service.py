"""Reports are ordered, found and handed out to whom they belong, and to nobody else."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from footfall.errors import Code, RequestRefused
from footfall.reports import Download
from footfall.state import Job, JobStatus, User

BASE = "https://reports.example.com/footfall"
BODY = b'{"filter":{"customer":"C","product":"P"},"output":{"delimiter":","}}'
BOB = User(id="bob", password_hash="", customers=("C",), created_ms=0)
ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)


async def refusal(work: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        await work
    return caught.value


async def open_link(place: Any, link: str) -> Download:
    _, source, token, name = link.removeprefix(BASE).rsplit("/", 3)
    download = await place.desk.download(source, token, name)
    assert isinstance(download, Download)
    return download


@pytest.fixture
async def finished(place: Any) -> Job:
    place.load([{"timestamp": 1}, {"timestamp": 2}])
    job = await place.make()
    assert isinstance(job, Job)
    return job


async def test_an_order_is_on_record_when_it_is_answered(place: Any) -> None:
    job = await place.desk.start(place.user, BODY)
    assert place.state.jobs.get(job.id) == job
    assert (job.status, job.user, job.started_ms) == (JobStatus.RUNNING, "ann", place.now_ms)
    assert job.file == f"footfall-C-P-2025-10-09-{job.id[:8]}.csv"


async def test_a_customer_of_others_is_refused_and_nothing_recorded(place: Any) -> None:
    body = json.dumps({"filter": {"customer": "TGAM", "product": "P"}}).encode()
    assert (await refusal(place.desk.start(place.user, body))).code is Code.REQUEST_AUTHORIZATION_FAILURE
    assert place.state.jobs.newest(None, 10, None) == []
    await place.desk.start(ADMIN, body)


async def test_what_the_plan_does_not_know_may_be_asked_for(place: Any) -> None:
    body = b'{"filter":{"customer":"BARCHART","product":"NO-SUCH","types":["NEITHER"]}}'
    await place.desk.start(place.user, body)


async def test_a_report_is_found_by_its_user_only(place: Any) -> None:
    job = await place.desk.start(place.user, BODY)
    assert await place.desk.find(place.user, f"JOB-{job.id}") == job
    for user in (BOB, ADMIN, User(id="ann", password_hash="", customers=(), created_ms=0)):
        assert (await refusal(place.desk.find(user, f"JOB-{job.id}"))).code is Code.EVENT_JOB_GET_FAILED_NO_JOB


@pytest.mark.parametrize("source", ["", "JOB-", "JOB-x", "job", "JOB-\x00", "JOB-é", "JOB-../../etc", "\udcff"])
async def test_an_unknown_source_is_no_report(place: Any, source: str) -> None:
    job = await place.desk.start(place.user, BODY)
    for unknown in (source, job.id, f"job-{job.id}", f"JOB-{job.id} "):
        error = await refusal(place.desk.find(place.user, unknown))
        assert (error.code, error.message) == (Code.EVENT_JOB_GET_FAILED_NO_JOB, "there is no such report")


async def test_a_running_report_has_no_link_yet(place: Any) -> None:
    job = await place.desk.start(place.user, BODY)
    error = await refusal(place.desk.link(place.user, job, BASE))
    assert (error.code, error.retry_after_s) == (Code.EVENT_JOB_GET_FAILED_RUNNING, 1)


@pytest.mark.parametrize("ending", [JobStatus.TIMEOUT, JobStatus.FAILED])
async def test_a_report_without_a_file_has_no_link(place: Any, ending: JobStatus) -> None:
    job = await place.desk.start(place.user, BODY)
    claimed = place.state.jobs.claim("w", 60_000)
    place.state.jobs.finish(claimed.id, "w", ending, place.now_ms, 0, 0, None, "the disk is full")
    error = await refusal(place.desk.link(place.user, place.state.jobs.get(job.id), BASE))
    assert (error.code, error.message) == (Code.EVENT_JOB_GET_FAILED, "the report has no file: the disk is full")


async def test_a_link_is_absolute_and_ends_in_the_files_name(place: Any, finished: Job) -> None:
    link = await place.desk.link(place.user, finished, BASE)
    assert link.startswith(f"{BASE}/files/JOB-{finished.id}/")
    assert link.endswith(f"/{finished.file}")
    assert link.isascii()


async def test_a_download_has_what_http_wants_to_know(place: Any, finished: Job) -> None:
    download = await open_link(place, await place.desk.link(place.user, finished, BASE))
    content = await place.read(finished)
    assert content == b"1|T|a\n2|T|a\n"
    assert (download.size, download.media_type, download.file_name) == (len(content), "text/csv", finished.file)
    assert download.etag == f'"{hashlib.sha256(content).hexdigest()}"'


async def test_a_download_resumes_anywhere(place: Any, finished: Job) -> None:
    download = await open_link(place, await place.desk.link(place.user, finished, BASE))

    async def read(start: int, end: int) -> bytes:
        return b"".join([chunk async for chunk in download.stream(start, end)])

    assert await read(4, 8) == b"a\n2|"
    assert await read(download.size, download.size) == b""


async def test_a_link_is_good_for_its_time_and_another_can_be_had(place: Any, finished: Job) -> None:
    link = await place.desk.link(place.user, finished, BASE)
    place.clock.ms += 900_000 - 1
    await open_link(place, link)
    place.clock.ms += 1
    with pytest.raises(RequestRefused) as caught:
        await open_link(place, link)
    assert caught.value.code is Code.LINK_EXPIRED
    await open_link(place, await place.desk.link(place.user, finished, BASE))


async def test_a_forged_link_opens_nothing(place: Any, finished: Job) -> None:
    link = await place.desk.link(place.user, finished, BASE)
    _, source, token, name = link.removeprefix(BASE).rsplit("/", 3)
    expires, _, signature = token.partition("-")
    for forged in (
        (source, f"{int(expires) + 1}-{signature}", name),
        (source, token.swapcase(), name),
        (source, "", name),
        (source, token, "other.csv"),
        ("JOB-" + "0" * 36, token, name),
    ):
        assert (await refusal(place.desk.download(*forged))).code is Code.LINK_EXPIRED


async def test_a_file_that_is_not_as_it_was_made_is_not_handed_out(place: Any, finished: Job) -> None:
    link = await place.desk.link(place.user, finished, BASE)
    [stored] = [Path(place.settings.data_dir) / "files" / name for name in place.stored()]
    stored.write_bytes(stored.read_bytes()[:-1])
    with pytest.raises(RequestRefused) as caught:
        await open_link(place, link)
    assert caught.value.code is Code.EVENT_JOB_GET_FAILED
    stored.unlink()
    with pytest.raises(RequestRefused) as caught:
        await open_link(place, link)
    assert caught.value.code is Code.EVENT_JOB_GET_FAILED


def removed(place: Any) -> None:
    assert place.state.users.remove("ann")


def added_again(place: Any) -> None:
    removed(place)
    place.state.users.add(User(id="ann", password_hash="", customers=("C",), created_ms=0))


def changed(place: Any) -> None:
    assert place.state.users.set_password("ann", "another")


def revoked(place: Any) -> None:
    assert place.state.users.change_customers("ann", revoked=("C",))


@pytest.mark.parametrize("end", [removed, added_again, changed, revoked])
async def test_a_link_ends_with_the_right_that_it_stands_on(
    place: Any, finished: Job, end: Callable[[Any], None]
) -> None:
    link = await place.desk.link(place.user, finished, BASE)
    await open_link(place, link)
    assert place.state.users.set_password("ann", "made again of the same password", replacing="")
    assert place.state.users.change_customers("ann", revoked=("BARCHART",))
    await open_link(place, link)
    end(place)
    with pytest.raises(RequestRefused) as caught:
        await open_link(place, link)
    assert caught.value.code is Code.LINK_EXPIRED


async def test_who_is_added_under_a_name_inherits_no_reports(place: Any, finished: Job) -> None:
    running = await place.desk.start(place.user, BODY)
    added_again(place)
    ann = place.state.users.get("ann")
    assert (await place.desk.list(ann, {})).jobs == []
    for job in (finished, running):
        for call in (place.desk.find, place.desk.end):
            assert (await refusal(call(ann, f"JOB-{job.id}"))).code is Code.EVENT_JOB_GET_FAILED_NO_JOB
    since = json.dumps({**json.loads(BODY), "output": {"since": f"JOB-{finished.id}"}}).encode()
    assert (await refusal(place.desk.start(ann, since))).problems[0].where == "output.since"


async def test_reports_of_who_had_the_name_before_are_not_counted(make_place: Any) -> None:
    place = make_place(reports_running_max=1)
    await place.desk.start(place.user, BODY)
    added_again(place)
    ann = place.state.users.get("ann")
    await place.desk.start(ann, BODY)
    assert (await refusal(place.desk.start(ann, BODY))).code is Code.REQUEST_RATE_LIMITED


async def test_a_report_expires_after_its_days_with_its_links(place: Any, finished: Job) -> None:
    async def keep_house(days: int) -> None:
        place.clock.ms = place.now_ms + days * 86_400_000
        async with place.running():
            await asyncio.sleep(0.3 if days <= 30 else 0)
            if days > 30:
                await place.seen(finished, lambda job: job.removed)

    await keep_house(30)
    assert len(place.stored()) == 1
    await keep_house(31)
    assert place.stored() == []
    job = await place.desk.find(place.user, f"JOB-{finished.id}")
    assert job.status is JobStatus.COMPLETE
    assert (await refusal(place.desk.link(place.user, job, BASE))).message == "the report has expired: start it again"


async def test_a_file_that_cannot_be_removed_keeps_no_other(place: Any) -> None:
    jobs = [await place.order() for _ in range(3)]
    async with place.running():
        ended = [await place.ended(job) for job in jobs]
    in_the_way = place.settings.data / "files" / ended[0].id
    shutil.rmtree(in_the_way)
    in_the_way.write_bytes(b"no folder")
    place.clock.ms += 31 * 86_400_000
    async with place.running():
        for job in ended[1:]:
            await place.seen(job, lambda job: job.removed)
    assert not place.state.jobs.get(ended[0].id).removed
