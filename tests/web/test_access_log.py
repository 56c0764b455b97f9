"""The access log: a line for each answered request, without what would open anything."""

import re

from events_server import post, read, serving

from footfall.web import access_log
from footfall.web.access_log import AccessLogLimit

LINE = re.compile(r"127\.0\.0\.1 (\w+) '([^']*)' (\d+), (\d+) bytes, \d+\.\d ms")


async def test_each_answered_request_has_a_line_without_queries_and_tokens(tmp_path, caplog):
    caplog.set_level("INFO", "footfall.access")
    link, shared = "/files/JOB-1/1790000000000-c2lnbmF0dXJl/a.csv", "/shared/c2hhcmVk"
    async with serving(tmp_path, access_log=True) as server:
        answers = [
            answer
            for asked in (
                post(),
                post(),
                post(b"{"),
                post(b"{}", "expect: nothing"),
                post(b"{}").replace(b"/events ", f"{link}?secret=1 ".encode()),
                post(b"{}").replace(b"/events ", f"{shared} ".encode()),
                post(b"{}").replace(b"/events ", f"{shared}/data.csv ".encode()),
            )
            for answer in await server.ask(asked)
        ]
    found = [LINE.fullmatch(message).groups() for message in caplog.messages]
    sizes = [str(len(answer.partition(b"\r\n\r\n")[2])) for answer in answers]
    assert found == [
        ("POST", "/events", "200", sizes[0]),
        ("POST", "/events", "200", sizes[1]),
        ("POST", "/events", "400", sizes[2]),
        ("POST", "/events", "200", sizes[3]),
        ("POST", "/files/JOB-1/***/a.csv", "200", sizes[4]),
        ("POST", "/shared/***", "200", sizes[5]),
        ("POST", "/shared/***/data.csv", "200", sizes[6]),
    ]


async def test_what_cannot_be_read_has_a_line_too(tmp_path, caplog):
    caplog.set_level("INFO", "footfall.access")
    async with serving(tmp_path, access_log=True, head_timeout_s=1) as server:
        (answer,) = await server.ask(b"POST /events HTTP/1.1\r\n\r\n")
        reader, writer = await server.connect()
        writer.write(b"POST /eve")
        late = await read(reader)
        writer.close()
    body = answer.partition(b"\r\n\r\n")[2]
    (first, second) = (record for record in caplog.records if record.name == "footfall.access")
    assert re.fullmatch(rf"127\.0\.0\.1 - '-' 400, {len(body)} bytes, \d+\.\d ms", first.getMessage())
    assert late.startswith(b"HTTP/1.1 408 ")
    assert "- '-' 408," in second.getMessage()


async def test_of_a_flood_some_lines_are_written_over_all_connections(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO", "footfall.access")
    # The second lasts as long as the test.
    monkeypatch.setattr(access_log, "_PERIOD_S", 3_600)
    async with serving(tmp_path, access_log=True, access_log_lines_per_s=3) as server:
        for _ in range(8):
            await server.ask(post())
    assert len(caplog.messages) == 3


def test_what_has_no_line_is_told_with_its_number_after_the_second(caplog):
    caplog.set_level("INFO", "footfall.access")
    loop, limit = Loop(), AccessLogLimit(2)
    assert [limit.passes(loop) for _ in range(5)] == [True, True, False, False, False]
    loop.end_second()
    assert caplog.messages == ["3 more requests in a second, without a line"]
    assert caplog.records[0].fields == {"left_out": 3}
    assert limit.passes(loop)
    loop.end_second()
    assert len(caplog.messages) == 1


class Loop:
    """A loop whose time a test turns."""

    def __init__(self):
        self.later = []

    def call_later(self, _, call, **__):
        self.later.append(call)

    def end_second(self):
        (call,) = self.later
        self.later.clear()
        call()


async def test_there_is_none_unless_it_is_wanted(tmp_path, caplog):
    caplog.set_level("INFO")
    async with serving(tmp_path) as server:
        await server.ask(post())
    assert [record for record in caplog.records if record.name == "footfall.access"] == []
