"""Listing reports, ending them, and what is known of their files, byte for byte."""

import asyncio
import re

import pytest
from sqlalchemy import update

from footfall.state import JobStatus
from footfall.state.tables import jobs

FILTER = '{"customer":"BARCHART","product":"PORTFOLIO"}'


def listed(answer):
    assert answer.status_code == 200
    assert answer.headers.get_list("content-type") == ["application/json"]
    assert answer.headers["cache-control"] == "no-store"
    return [status["job"] for status in answer.json()]


def code(answer):
    assert answer.headers.get_list("content-type") == ["application/json"]
    return answer.status_code, answer.json()[0]["value"]["code"]


async def walk(opened, address, **options):
    """The jobs of all pages, following the links."""
    pages = []
    while address:
        answer = await opened.anna.get(address, **options)
        pages.append(listed(answer))
        found = re.fullmatch(r'<([^<>]+)>; rel="next"', answer.headers.get("link", ""))
        address = found and found[1]
    return pages


async def test_the_list_is_an_array_of_statuses(service):
    async with service() as opened:
        assert (await opened.anna.get("/reports")).content == b"[]\n"
        job = await opened.complete()
        answer = await opened.anna.get("/reports")
        status = (await opened.anna.get(f"/reports/JOB-{job.id}/availability")).content
        assert answer.content == b"[" + status + b"]\n"
        assert "link" not in answer.headers
        assert (await opened.root.get("/reports")).content == b"[]\n"
        assert (await opened.client.get("/reports")).status_code == 401


async def test_the_list_tells_the_schedule_of_a_report_and_that_a_file_is_gone(service):
    async with service() as opened:
        job = await opened.complete()
        with opened.state.database.write() as connection:
            connection.execute(update(jobs).values(schedule="monthly"))
        address = f"/reports/JOB-{job.id}"
        (before,) = (await opened.anna.get("/reports")).json()
        assert (before["schedule"], before.get("file")) == ("monthly", None)
        ended = await opened.anna.delete(address)
        (after,) = (await opened.anna.get("/reports")).json()
        assert after == before | {"file": "removed"}
        for answer in (ended, await opened.anna.get(f"{address}/availability")):
            assert (answer.headers["footfall-schedule"], answer.headers["footfall-file"]) == ("monthly", "removed")
            # The status itself has the keys that published clients know, and no others.
            assert answer.json() == {name: value for name, value in before.items() if name != "schedule"}


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 7])
async def test_pages_are_exact_among_reports_of_the_same_moment(service, limit):
    async with service() as opened:
        made = [(await opened.start()).id for _ in range(6)]
        pages = await walk(opened, f"/reports?limit={limit}")
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
        found = [job for page in pages for job in page]
        assert found == sorted(made, reverse=True)
        assert len(pages) == -(-6 // limit)


async def test_the_next_page_does_not_move_when_reports_are_started(service):
    async with service() as opened:
        old = [(await opened.start()).id for _ in range(2)]
        first = await opened.anna.get("/reports?limit=1")
        opened.clock.ms += 1
        new = await opened.start()
        link = re.match(r"<([^>]+)>", first.headers["link"])[1]
        assert listed(first) + listed(await opened.anna.get(link)) == sorted(old, reverse=True)
        assert listed(await opened.anna.get("/reports?limit=1")) == [new.id]


async def test_customers_that_are_not_the_users_any_more_are_left_out(service):
    async with service() as opened:
        root = [await opened.root.post("/reports", json={"filter": {"customer": c, "product": "P"}}) for c in "ABAB"]
        assert [answer.status_code for answer in root] == [200] * 4
        with opened.state.database.write() as connection:
            connection.exec_driver_sql("UPDATE jobs SET user_id = 'anna'")
        seen = [(await opened.start()).id for _ in range(3)]
        assert [job for page in await walk(opened, "/reports?limit=2") for job in page] == sorted(seen, reverse=True)


async def test_links_of_pages_are_right_behind_a_proxy(service):
    told = {"x-forwarded-proto": "https", "x-forwarded-host": "usage.example", "x-forwarded-prefix": "/footfall"}
    async with service() as opened:
        jobs = sorted([(await opened.start()).id for _ in range(2)], reverse=True)
        answer = await opened.anna.get("/reports?limit=1", headers=told)
        start = f"<https://usage.example/footfall/reports?limit=1&before={opened.clock.ms}-{jobs[0]}>"
        assert answer.headers["link"] == f'{start}; rel="next"'
        assert "link" in answer.headers["access-control-expose-headers"].split(", ")


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("before=x", "before"),
        ("before=-1-", "before"),
    ],
)
async def test_what_cannot_be_read_is_named(service, query, where):
    async with service() as opened:
        answer = await opened.anna.get(f"/reports?{query}")
        assert code(answer) == (400, "REQUEST_PARAMETER_MALFORMED")
        assert [child["value"]["message"].split(":")[0] for child in answer.json()[0]["children"]] == [where]


async def test_a_running_report_is_cancelled_and_stays_so(service):
    async with service() as opened:
        job = await opened.start()
        opened.clock.ms += 5
        answers = [await opened.anna.delete(f"/reports/JOB-{job.id}") for _ in range(2)]
        for answer in answers:
            assert answer.status_code == 200
            assert answer.headers["footfall-reason"] == "cancelled"
            assert (
                answer.content
                == (
                    f'{{"job":"{job.id}","source":"JOB-{job.id}","status":"FAILED","filter":{FILTER},'
                    '"timing":{"day":"2023-11-14","start":1700000000000,"end":1700000000005}}\n'
                ).encode()
            )
        answer = await opened.anna.get(f"/reports/JOB-{job.id}")
        assert code(answer) == (409, "EVENT_JOB_GET_FAILED")
        assert answer.json()[0]["value"]["message"] == "the report has no file: cancelled"


async def test_the_file_of_a_finished_report_is_removed(service):
    async with service() as opened:
        job = await opened.complete()
        link = await opened.link(job)
        before = (await opened.anna.get(f"/reports/JOB-{job.id}/availability")).content
        for _ in range(2):
            answer = await opened.anna.delete(f"/reports/JOB-{job.id}")
            assert (answer.status_code, answer.content) == (200, before + b"\n")
        assert code(await opened.anna.get(f"/reports/JOB-{job.id}")) == (409, "EVENT_JOB_GET_FAILED")
        assert code(await opened.client.get(link)) == (409, "EVENT_JOB_GET_FAILED")
        assert listed(await opened.anna.get("/reports")) == [job.id]


@pytest.mark.parametrize("path", ["/reports/{}", "/reports/{}/manifest"])
async def test_what_belongs_to_others_is_not_there(service, path):
    async with service() as opened:
        job = await opened.start()
        method = "GET" if path.endswith("manifest") else "DELETE"
        for client, source in ((opened.root, f"JOB-{job.id}"), (opened.anna, job.id), (opened.anna, "JOB-%00")):
            answer = await client.request(method, path.format(source))
            assert code(answer) == (404, "EVENT_JOB_GET_FAILED_NO_JOB")
        assert opened.state.jobs.get(job.id).status is JobStatus.RUNNING


async def test_pages_of_other_origins_may_end_reports(service):
    asked = {"origin": "https://app.example", "access-control-request-method": "DELETE"}
    async with service() as opened:
        answer = await opened.client.options("/reports/JOB-x", headers=asked)
        assert "DELETE" in answer.headers["access-control-allow-methods"].split(", ")


async def test_a_manifest_is_answered_as_it_is_and_outlives_the_file(service):
    manifest = '{"b": 1,\n "a": "ü"}'
    async with service() as opened:
        job = await opened.complete()
        answer = await opened.anna.get(f"/reports/JOB-{job.id}/manifest")
        assert code(answer) == (409, "EVENT_JOB_GET_FAILED")
        assert "before manifests were" in answer.json()[0]["value"]["message"]
        with opened.state.database.write() as connection:
            connection.exec_driver_sql("UPDATE jobs SET manifest = ?", (manifest,))
        etag = (await opened.client.get(await opened.link(job))).headers["etag"]
        for _ in range(2):
            answer = await opened.anna.get(f"/reports/JOB-{job.id}/manifest")
            assert (answer.status_code, answer.content) == (200, manifest.encode() + b"\n")
            assert answer.headers.get_list("content-type") == ["application/json"]
            assert answer.headers["etag"] == etag == f'"{job.sha256}"'
            await opened.anna.delete(f"/reports/JOB-{job.id}")


async def test_a_report_without_a_file_has_no_manifest(service):
    async with service() as opened:
        running = await opened.start()
        answer = await opened.anna.get(f"/reports/JOB-{running.id}/manifest")
        assert code(answer) == (409, "EVENT_JOB_GET_FAILED_RUNNING")
        assert answer.headers["retry-after"] == "1"
        await opened.anna.delete(f"/reports/JOB-{running.id}")
        failed = await opened.anna.get(f"/reports/JOB-{running.id}/manifest")
        assert code(failed) == (409, "EVENT_JOB_GET_FAILED")


async def test_too_many_reports_that_run_are_refused_until_one_is_ended(service):
    async with service(reports_running_max=3) as opened:
        body = {"filter": {"customer": "BARCHART", "product": "P"}}
        answers = await asyncio.gather(*(opened.anna.post("/reports", json=body) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 5
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert code(refused) == (429, "REQUEST_RATE_LIMITED")
        assert refused.headers["retry-after"] == "30"
        assert refused.json()[0]["value"]["message"] == (
            "you have 3 reports that run, and may have no more: "
            "wait until one has ended, or cancel one with DELETE /reports/{source}"
        )
        assert (await opened.root.post("/reports", json=body)).status_code == 200
        source = next(answer for answer in answers if answer.status_code == 200).json()["source"]
        await opened.anna.delete(f"/reports/{source}")
        assert (await opened.anna.post("/reports", json=body)).status_code == 200


async def test_too_many_kept_files_are_refused_until_one_is_removed(service):
    async with service(reports_stored_max=2) as opened:
        body = {"filter": {"customer": "BARCHART", "product": "P"}}
        jobs = [await opened.complete() for _ in range(2)]
        answer = await opened.anna.post("/reports", json=body)
        assert code(answer) == (429, "REQUEST_RATE_LIMITED")
        assert answer.headers["retry-after"] == "60"
        assert answer.json()[0]["value"]["message"].endswith("; GET /reports lists them")
        await opened.anna.delete(f"/reports/JOB-{jobs[0].id}")
        assert (await opened.anna.post("/reports", json=body)).status_code == 200


async def test_the_list_says_why_a_report_failed(service):
    async with service() as opened:
        await opened.fail(JobStatus.FAILED, "because")
        await opened.complete()
        complete, failed = (await opened.anna.get("/reports")).json()
    assert (failed["reason"], "reason" in complete) == ("because", False)
