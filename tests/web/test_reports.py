"""Asking for a report and its link, byte for byte."""

import re

import pytest

from footfall.state import JobStatus


def error(code, message):
    return f'[{{"value":{{"code":"{code}","message":"{message}"}},"children":[]}}]'.encode()


def check_error(answer, status, body):
    assert answer.status_code == status
    assert answer.headers.get_list("content-type") == ["application/json"]
    assert answer.headers["content-length"] == str(len(body))
    assert answer.content == body


@pytest.mark.parametrize(
    ("status", "reason"), [(JobStatus.TIMEOUT, "it took too long"), (JobStatus.FAILED, "the store broke\ndown")]
)
async def test_availability_says_why_a_report_ended_without_a_file(service, status, reason):
    async with service() as opened:
        job = await opened.fail(status, reason)
        answer = await opened.anna.get(f"/reports/JOB-{job.id}/availability")
        assert answer.status_code == 200
        assert (
            answer.content
            == (
                f'{{"job":"{job.id}","source":"JOB-{job.id}","status":"{status}",'
                '"filter":{"customer":"BARCHART","product":"PORTFOLIO"},'
                '"timing":{"day":"2023-11-14","start":1700000000000,"end":1700000000001}}'
            ).encode()
        )
        assert answer.headers["footfall-reason"] == reason.replace("\n", " ")
        assert "retry-after" not in answer.headers


async def test_availability_of_a_complete_report(service):
    async with service() as opened:
        job = await opened.complete(b"1|A|x\n2|B|y\n")
        answer = await opened.anna.get(f"/reports/JOB-{job.id}/availability")
        assert (
            answer.content
            == (
                f'{{"job":"{job.id}","source":"JOB-{job.id}","status":"COMPLETE",'
                '"filter":{"customer":"BARCHART","product":"PORTFOLIO"},'
                '"timing":{"day":"2023-11-14","start":1700000000000,"end":1700000000001}}'
            ).encode()
        )
        found = {name: answer.headers[f"footfall-{name}"] for name in ("progress", "rows", "bytes")}
        assert found == {"progress": "1", "rows": "2", "bytes": "12"}


@pytest.mark.parametrize("call", ["/reports/{}", "/reports/{}/availability"])
async def test_no_report_and_another_s_are_the_same(service, call):
    async with service() as opened:
        job = await opened.start()
        sources = ["JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068", "JOB-", "x", job.id, "JOB-%00", "%F0%9F%98%80"]
        answers = [await opened.anna.get(call.format(source)) for source in sources]
        answers.append(await opened.root.get(call.format(f"JOB-{job.id}")))
        for answer in answers:
            check_error(answer, 404, error("EVENT_JOB_GET_FAILED_NO_JOB", "there is no such report"))


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/*;q=0.1, text/html"])
async def test_a_link_is_answered_as_json(service, accept):
    async with service() as opened:
        job = await opened.complete()
        del opened.anna.headers["accept"]
        headers = {} if accept is None else {"accept": accept}
        answer = await opened.anna.get(f"/reports/JOB-{job.id}", headers=headers)
        assert answer.status_code == 200
        assert answer.headers.get_list("content-type") == ["application/json"]
        link = re.fullmatch(rb'{"link":"(http://events\.example/files/[^"]+)"}', answer.content)[1].decode()
        assert re.fullmatch(rf"/files/JOB-{job.id}/\d+-[\w-]+/{job.file}", link.removeprefix("http://events.example"))
        assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Accept", "no-store")
        assert (await opened.client.get(link)).content == b"1|A|x\n"


async def test_whoever_asks_for_the_file_itself_is_sent_to_it(service):
    async with service() as opened:
        job = await opened.complete()
        answer = await opened.anna.get(f"/reports/JOB-{job.id}", headers={"accept": "text/csv"})
        assert (answer.status_code, answer.content) == (307, b"")
        assert answer.headers["location"] == await opened.link(job)
        file = await opened.anna.get(f"/reports/JOB-{job.id}", headers={"accept": "text/csv"}, follow_redirects=True)
        assert file.content == b"1|A|x\n"


async def test_an_accept_that_nothing_meets_is_refused(service):
    async with service() as opened:
        job = await opened.complete()
        answer = await opened.anna.get(f"/reports/JOB-{job.id}", headers={"accept": "text/html, image/*"})
        check_error(answer, 406, error("REQUEST_NOT_ACCEPTABLE", "Accept must allow application/json or text/csv"))


async def test_a_running_report_has_no_link_yet(service):
    async with service() as opened:
        job = await opened.start()
        answer = await opened.anna.get(f"/reports/JOB-{job.id}")
        text = "the report is still running: ask for its availability first"
        check_error(answer, 409, error("EVENT_JOB_GET_FAILED_RUNNING", text))
        assert answer.headers["retry-after"] == "1"


async def test_a_report_without_a_file_has_no_link(service):
    async with service() as opened:
        job = await opened.fail(JobStatus.TIMEOUT, "it took too long")
        answer = await opened.anna.get(f"/reports/JOB-{job.id}")
        check_error(answer, 409, error("EVENT_JOB_GET_FAILED", "the report has no file: it took too long"))
        expired = await opened.complete()
        opened.state.jobs.expire(expired.id)
        answer = await opened.anna.get(f"/reports/JOB-{expired.id}")
        check_error(answer, 409, error("EVENT_JOB_GET_FAILED", "the report has expired: start it again"))


@pytest.mark.parametrize(
    ("peer", "start"), [("127.0.0.1", "https://usage.example/footfall"), ("203.0.113.9", "http://events.example")]
)
async def test_links_are_right_behind_a_reverse_proxy_that_is_trusted(service, peer, start):
    told = {"x-forwarded-proto": "https", "x-forwarded-host": "usage.example", "x-forwarded-prefix": "/footfall"}
    async with service(peer) as opened:
        job = await opened.complete()
        answer = await opened.anna.get(f"/reports/JOB-{job.id}", headers=told)
        assert answer.json()["link"].startswith(f"{start}/files/JOB-{job.id}/")


async def test_links_name_the_public_url_where_it_is_set(service):
    async with service(public_url="https://usage.example/x/") as opened:
        job = await opened.complete()
        assert (await opened.link(job)).startswith(f"https://usage.example/x/files/JOB-{job.id}/")
