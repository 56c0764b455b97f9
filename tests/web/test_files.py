"""A report's file behind its link: whole, in parts, and only while the link is good."""

import asyncio
import contextlib
import gc
import hashlib
import os
from urllib.parse import urlsplit

import pytest

CONTENT = "1|A|Zoë\n".encode() * 40_000  # more than one block of the store
SIZE = len(CONTENT)
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


def error(code, message):
    return f'[{{"value":{{"code":"{code}","message":"{message}"}},"children":[]}}]'.encode()


async def test_the_whole_file_with_all_its_headers(service):
    async with service() as opened:
        job = await opened.complete(CONTENT)
        answer = await opened.client.get(await opened.link(job))
        assert answer.status_code == 200
        assert answer.content == CONTENT
        name = f"footfall-BARCHART-PORTFOLIO-2023-11-14-{job.id[:8]}.csv"
        assert {key: value for key, value in answer.headers.items() if not key.startswith("access-")} == {
            "content-type": "text/csv",
            "content-length": str(SIZE),
            "content-disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}",
            "etag": ETAG,
            "accept-ranges": "bytes",
            "cache-control": "private",
            "x-content-type-options": "nosniff",
        }


@pytest.mark.parametrize(
    ("spec", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=300000-", 300_000, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
        ("bytes=-10", SIZE - 10, SIZE),
        (f"bytes=10-{SIZE * 2}", 10, SIZE),
    ],
)
async def test_a_range_of_it(service, spec, start, end):
    async with service() as opened:
        job = await opened.complete(CONTENT)
        answer = await opened.client.get(await opened.link(job), headers={"range": spec, "if-range": ETAG})
        assert answer.status_code == 206
        assert answer.content == CONTENT[start:end]
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
        assert answer.headers["content-length"] == str(end - start)
        assert answer.headers["content-type"] == "text/csv"
        assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize(
    "headers",
    [
        {"range": "bytes=0-1,5-6"},
        {"range": "lines=0-1"},
        {"range": "bytes=5-1"},
        {"range": "bytes=0-1", "if-range": '"other"'},
        {"range": "bytes=0-1", "if-range": "Wed, 21 Oct 2015 07:28:00 GMT"},
        {"if-none-match": '"other"'},
    ],
)
async def test_the_whole_file_where_no_part_can_be_meant(service, headers):
    async with service() as opened:
        job = await opened.complete(CONTENT)
        answer = await opened.client.get(await opened.link(job), headers=headers)
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert "content-range" not in answer.headers


async def test_a_range_past_the_end_is_refused_with_the_size(service):
    async with service() as opened:
        job = await opened.complete(CONTENT)
        answer = await opened.client.get(await opened.link(job), headers={"range": f"bytes={SIZE}-"})
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{SIZE}"
        assert answer.headers.get_list("content-type") == ["application/json"]
        assert answer.content == error("REQUEST_RANGE_NOT_SATISFIABLE", f"the file has {SIZE} bytes") + b"\n"


@pytest.mark.parametrize("tags", [ETAG, f"W/{ETAG}", f'"other", {ETAG}', "*"])
async def test_who_has_the_file_need_not_fetch_it(service, tags):
    async with service() as opened:
        job = await opened.complete(CONTENT)
        headers = {"if-none-match": tags, "range": "bytes=0-1"}
        answer = await opened.client.get(await opened.link(job), headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == ETAG
        assert answer.headers["cache-control"] == "private"
        assert "content-length" not in answer.headers


async def test_head_makes_nothing_of_the_body_and_ignores_ranges(service):
    async with service() as opened:
        job = await opened.complete(CONTENT)
        link = await opened.link(job)
        opened.files.read = None  # whoever reads the file fails
        answer = await opened.client.head(link, headers={"range": "bytes=0-1"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(SIZE)
        assert answer.headers["etag"] == ETAG


async def test_an_empty_file(service):
    async with service() as opened:
        job = await opened.complete(b"")
        link = await opened.link(job)
        answer = await opened.client.get(link)
        assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
        assert (await opened.client.get(link, headers={"range": "bytes=0-"})).status_code == 416
        assert (await opened.client.get(link, headers={"range": "bytes=-1"})).status_code == 200


async def test_a_link_works_for_15_minutes(service):
    async with service() as opened:
        job = await opened.complete()
        link = await opened.link(job)
        opened.clock.ms += 900_000 - 1
        assert (await opened.client.get(link)).status_code == 200
        opened.clock.ms += 1
        answer = await opened.client.get(link)
        assert answer.status_code == 403
        assert (
            answer.content == error("LINK_EXPIRED", "the link has expired or is not whole: ask for another one") + b"\n"
        )
        assert (await opened.client.get(await opened.link(job))).status_code == 200


async def test_a_forged_link_is_refused(service):
    async with service() as opened:
        one, two = await opened.complete(b"1\n"), await opened.complete(b"2\n")
        link = await opened.link(one)
        source, token, name = link.split("/")[-3:]
        later = f"{int(token.partition('-')[0]) + 1}-{token.partition('-')[2]}"
        forged = [
            (f"JOB-{two.id}", token, name),
            (source, later, name),
            (source, token, two.file),
            (source, token[:-1], name),
            (source, "x", "y"),
            (source, "-", name),
            (source, "%00", "%F0%9F%98%80"),
        ]
        for parts in forged:
            answer = await opened.client.get("/files/" + "/".join(parts))
            assert answer.status_code == 403, parts
            assert answer.json()[0]["value"]["code"] == "LINK_EXPIRED"


async def test_a_file_that_is_gone_is_refused(service):
    async with service() as opened:
        job = await opened.complete()
        link = await opened.link(job)
        opened.files.delete(job.id)
        answer = await opened.client.get(link)
        assert answer.status_code == 409
        assert (
            answer.content == error("EVENT_JOB_GET_FAILED", "the report's file is gone: start the report again") + b"\n"
        )


async def test_no_password_is_needed_and_none_is_looked_at(service):
    async with service() as opened:
        link = await opened.link(await opened.complete())
        assert (await opened.client.get(link, auth=("anna", "wrong"))).status_code == 200


def is_open(path):
    """Whether this process has the file open."""
    wanted = path.stat()
    for descriptor in os.listdir("/dev/fd"):  # noqa: PTH208 - these are no paths to keep
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(int(descriptor)), wanted):
                return True
    return False


async def test_an_abandoned_download_closes_its_file_at_once(service, tmp_path):
    async def abandon(app, path):
        gone = asyncio.Event()

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.body":
                gone.set()
                await asyncio.Event().wait()  # as a client's connection that takes nothing more

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "state": {},
        }
        await app(scope, receive, send)

    async with service() as opened:
        job = await opened.complete(CONTENT * 10)
        path = urlsplit(await opened.link(job)).path
        (file,) = tmp_path.rglob("*.csv")
        gc.disable()
        try:
            for _ in range(5):
                await abandon(opened.app, path)
            for _ in range(100):  # a block that was being read comes to its end first
                if not is_open(file):
                    break
                await asyncio.sleep(0.01)
            assert not is_open(file)
        finally:
            gc.enable()
