"""The calls about reports, byte for byte."""

import asyncio
import json
import re

import pytest

from footfall.state import JobStatus

NOW_MS = 1_700_000_000_000  # 2023-11-14T22:13:20Z
FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UNAUTHORIZED = b'{"message":"Unauthorized"}'


def error(code, message, *children):
    nodes = ",".join(f'{{"value":{{"code":"{code}","message":"{text}"}},"children":[]}}' for text in children)
    return f'[{{"value":{{"code":"{code}","message":"{message}"}},"children":[{nodes}]}}]'.encode()


def check_error(answer, status, body):
    assert answer.status_code == status
    assert answer.headers.get_list("content-type") == ["application/json"]
    assert answer.headers["content-length"] == str(len(body))
    assert answer.content == body


def test_a_report_is_started_and_its_status_answered_at_once(service):
    async def scenario():
        async with service() as opened:
            answer = await opened.anna.post("/reports", json={"filter": FILTER})
            job = answer.json()["job"]
            assert UUID.fullmatch(job)
            assert answer.status_code == 200
            assert answer.headers.get_list("content-type") == ["application/json"]
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["footfall-progress"] == "0"
            assert answer.headers["cache-control"] == "no-store"
            assert (
                answer.content
                == (
                    f'{{"job":"{job}","source":"JOB-{job}","status":"RUNNING",'
                    '"filter":{"customer":"BARCHART","product":"PORTFOLIO"},'
                    '"timing":{"day":"2023-11-14","start":1700000000000}}'
                ).encode()
            )

    asyncio.run(scenario())


def test_a_status_has_every_key_that_has_a_value_in_the_contract_s_order(service):
    wanted = {
        "output": {"delimiter": ";"},
        "filter": {
            "end": "1571115600000",
            "start": 1571029200000,
            "types": ["A", "B"],
            "product": "P",
            "customer": "C",
        },
    }

    async def scenario():
        async with service() as opened:
            answer = await opened.root.post("/reports", json=wanted)
            job = answer.json()["job"]
            assert (
                answer.content
                == (
                    f'{{"job":"{job}","source":"JOB-{job}","status":"RUNNING",'
                    '"filter":{"customer":"C","product":"P","types":["A","B"],"start":1571029200000,"end":1571115600000},'
                    '"timing":{"day":"2023-11-14","start":1700000000000},"output":{"delimiter":";"}}'
                ).encode()
            )

    asyncio.run(scenario())


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', None])
def test_types_that_mean_json_are_taken(service, content_type):
    async def scenario():
        async with service() as opened:
            headers = {"content-type": content_type} if content_type else {}
            answer = await opened.anna.post("/reports", content=json.dumps({"filter": FILTER}), headers=headers)
            assert answer.status_code == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data"},
        {"content-type": "garbage"},
        {"content-type": "application/json; charset=utf-16"},
    ],
)
def test_another_type_is_refused(service, headers):
    async def scenario():
        async with service() as opened:
            answer = await opened.anna.post("/reports", content=json.dumps({"filter": FILTER}), headers=headers)
            body = error("REQUEST_UNSUPPORTED_MEDIA_TYPE", "Content-Type must be application/json, in UTF-8")
            check_error(answer, 415, body)

    asyncio.run(scenario())


def test_a_compressed_body_is_refused(service):
    async def scenario():
        async with service() as opened:
            headers = {"content-type": "application/json", "content-encoding": "gzip"}
            answer = await opened.anna.post("/reports", content=b"\x1f\x8b", headers=headers)
            body = error("REQUEST_UNSUPPORTED_MEDIA_TYPE", "the body of this call must not be compressed")
            check_error(answer, 415, body)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"filter":[]}',
            error(
                "REQUEST_INPUT_MALFORMED",
                "the report cannot be started: one thing is wrong",
                "filter: must be an object",
            ),
        ),
        (
            b'{"filter":{"customer":"","product":7}}',
            error(
                "REQUEST_PARAMETER_MALFORMED",
                "the report cannot be started: 2 things are wrong",
                "filter.customer: must not be empty",
                "filter.product: must be a string",
            ),
        ),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_all_that_is_wrong(service, body, expected):
    async def scenario():
        async with service() as opened:
            answer = await opened.anna.post("/reports", content=body, headers={"content-type": "application/json"})
            check_error(answer, 400, expected)

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[" * 5000, b'"\xff"', b'{"filter":{}}', b'{"filter":null}'])
def test_whatever_the_body_is_it_is_refused_in_the_same_shape(service, body):
    async def scenario():
        async with service() as opened:
            answer = await opened.anna.post("/reports", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 400
            assert answer.json()[0]["value"]["code"] in ("REQUEST_INPUT_MALFORMED", "REQUEST_PARAMETER_MALFORMED")
            assert answer.json()[0]["children"]

    asyncio.run(scenario())


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(service, chunked):
    async def chunks():
        for _ in range(11):
            yield b"x" * 10

    async def scenario():
        async with service(body_bytes_max=100) as opened:
            content = chunks() if chunked else b"x" * 110
            answer = await opened.anna.post("/reports", content=content)
            check_error(answer, 413, error("REQUEST_TOO_LARGE", "the body is larger than 100 bytes"))

    asyncio.run(scenario())


def test_a_body_that_does_not_arrive_is_refused(service):
    async def chunks():
        yield b"{"
        await asyncio.Event().wait()

    async def scenario():
        async with service(body_timeout_s=1) as opened:
            answer = await opened.anna.post("/reports", content=chunks())
            check_error(answer, 408, error("REQUEST_TIMED_OUT", "the body did not arrive within 1 seconds"))

    asyncio.run(scenario())


def test_another_s_customer_is_refused(service):
    async def scenario():
        async with service() as opened:
            answer = await opened.anna.post("/reports", json={"filter": {**FILTER, "customer": "TGAM"}})
            body = error("REQUEST_AUTHORIZATION_FAILURE", "you may not see the customer 'TGAM'")
            check_error(answer, 403, body)
            assert (await opened.root.post("/reports", json={"filter": {**FILTER, "customer": "TGAM"}})).is_success

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/reports"),
        ("GET", "/reports/JOB-x/availability"),
        ("GET", "/reports/JOB-x"),
        ("GET", "/service/authenticate"),
    ],
)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic !!!", "Bearer x", "Basic YW5uYQ==", "Basic YW5uYTp4", "Basic bm9ib2R5Ong="],
)
def test_without_a_user_the_answer_is_the_same_whatever_was_wrong(service, method, path, authorization):
    async def scenario():
        async with service(body_bytes_max=10) as opened:
            headers = {"content-type": "x/y"} | ({} if authorization is None else {"authorization": authorization})
            answer = await opened.client.request(method, path, headers=headers, content=b"x" * 100)
            check_error(answer, 401, UNAUTHORIZED)
            assert answer.headers["www-authenticate"] == 'Basic realm="footfall", charset="UTF-8"'

    asyncio.run(scenario())


def test_guessing_is_refused_with_the_time_to_wait(service):
    async def scenario():
        async with service(login_failures_max=2, trusted_proxies="127.0.0.1") as opened:
            wrong = {"auth": ("anna", "wrong"), "headers": {"x-forwarded-for": "192.0.2.1"}}
            for _ in range(3):
                assert (await opened.client.get("/service/authenticate", **wrong)).status_code == 401
            answer = await opened.client.get("/service/authenticate", **wrong)
            assert answer.status_code == 429
            assert answer.json()[0]["value"]["code"] == "REQUEST_RATE_LIMITED"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            # Whoever asks from elsewhere does not notice.
            other = await opened.anna.get("/service/authenticate", headers={"x-forwarded-for": "192.0.2.2"})
            assert other.status_code == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "reason"), [(JobStatus.TIMEOUT, "it took too long"), (JobStatus.FAILED, "the store broke\ndown")]
)
def test_availability_says_why_a_report_ended_without_a_file(service, status, reason):
    async def scenario():
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

    asyncio.run(scenario())


def test_availability_of_a_complete_report(service):
    async def scenario():
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

    asyncio.run(scenario())


@pytest.mark.parametrize("call", ["/reports/{}", "/reports/{}/availability"])
def test_no_report_and_another_s_are_the_same(service, call):
    async def scenario():
        async with service() as opened:
            job = await opened.start()
            sources = ["JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068", "JOB-", "x", job.id, "JOB-%00", "%F0%9F%98%80"]
            answers = [await opened.anna.get(call.format(source)) for source in sources]
            answers.append(await opened.root.get(call.format(f"JOB-{job.id}")))
            for answer in answers:
                check_error(answer, 404, error("EVENT_JOB_GET_FAILED_NO_JOB", "there is no such report"))

    asyncio.run(scenario())


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/*;q=0.1, text/html"])
def test_a_link_is_answered_as_json(service, accept):
    async def scenario():
        async with service() as opened:
            job = await opened.complete()
            del opened.anna.headers["accept"]
            headers = {} if accept is None else {"accept": accept}
            answer = await opened.anna.get(f"/reports/JOB-{job.id}", headers=headers)
            assert answer.status_code == 200
            assert answer.headers.get_list("content-type") == ["application/json"]
            link = re.fullmatch(rb'{"link":"(http://events\.example/files/[^"]+)"}', answer.content)[1].decode()
            assert re.fullmatch(
                rf"/files/JOB-{job.id}/\d+-[\w-]+/{job.file}", link.removeprefix("http://events.example")
            )
            assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Accept", "no-store")
            assert (await opened.client.get(link)).content == b"1|A|x\n"

    asyncio.run(scenario())


def test_whoever_asks_for_the_file_itself_is_sent_to_it(service):
    async def scenario():
        async with service() as opened:
            job = await opened.complete()
            answer = await opened.anna.get(f"/reports/JOB-{job.id}", headers={"accept": "text/csv"})
            assert (answer.status_code, answer.content) == (307, b"")
            assert answer.headers["location"] == await opened.link(job)
            file = await opened.anna.get(
                f"/reports/JOB-{job.id}", headers={"accept": "text/csv"}, follow_redirects=True
            )
            assert file.content == b"1|A|x\n"

    asyncio.run(scenario())


def test_an_accept_that_nothing_meets_is_refused(service):
    async def scenario():
        async with service() as opened:
            job = await opened.complete()
            answer = await opened.anna.get(f"/reports/JOB-{job.id}", headers={"accept": "text/html, image/*"})
            check_error(answer, 406, error("REQUEST_NOT_ACCEPTABLE", "Accept must allow application/json or text/csv"))

    asyncio.run(scenario())


def test_a_running_report_has_no_link_yet(service):
    async def scenario():
        async with service() as opened:
            job = await opened.start()
            answer = await opened.anna.get(f"/reports/JOB-{job.id}")
            text = "the report is still running: ask for its availability first"
            check_error(answer, 409, error("EVENT_JOB_GET_FAILED_RUNNING", text))
            assert answer.headers["retry-after"] == "1"

    asyncio.run(scenario())


def test_a_report_without_a_file_has_no_link(service):
    async def scenario():
        async with service() as opened:
            job = await opened.fail(JobStatus.TIMEOUT, "it took too long")
            answer = await opened.anna.get(f"/reports/JOB-{job.id}")
            check_error(answer, 409, error("EVENT_JOB_GET_FAILED", "the report has no file: it took too long"))
            expired = await opened.complete()
            opened.state.job_expire(expired.id)
            answer = await opened.anna.get(f"/reports/JOB-{expired.id}")
            check_error(answer, 409, error("EVENT_JOB_GET_FAILED", "the report has expired: start it again"))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("peer", "start"), [("127.0.0.1", "https://usage.example/footfall"), ("203.0.113.9", "http://events.example")]
)
def test_links_are_right_behind_a_reverse_proxy_that_is_trusted(service, peer, start):
    told = {"x-forwarded-proto": "https", "x-forwarded-host": "usage.example", "x-forwarded-prefix": "/footfall"}

    async def scenario():
        async with service(peer) as opened:
            job = await opened.complete()
            answer = await opened.anna.get(f"/reports/JOB-{job.id}", headers=told)
            assert answer.json()["link"].startswith(f"{start}/files/JOB-{job.id}/")

    asyncio.run(scenario())


def test_links_name_the_public_url_where_it_is_set(service):
    async def scenario():
        async with service(public_url="https://usage.example/x/") as opened:
            job = await opened.complete()
            assert (await opened.link(job)).startswith(f"https://usage.example/x/files/JOB-{job.id}/")

    asyncio.run(scenario())
