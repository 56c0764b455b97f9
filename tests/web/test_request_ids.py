"""The id of a request: in every answer, in every line of the log about it; strangers do not choose it."""

import logging
import re

import pytest
from events_server import post, serving

from footfall.settings import Settings
from footfall.system.request_ids import DIGITS, RequestIds, read_sent_id
from footfall.web.cors import CorsHeaders
from footfall.web.exchange import ResponseTemplate

ID = re.compile(rb"\r\nx-request-id: ([^\r\n]+)\r\n")
TRACE = "0af7651916cd43dd8448eb211c80319c"


def id_of(answer: bytes) -> str:
    (found,) = ID.findall(answer)
    return found.decode()


async def test_every_answer_has_an_id_of_its_own(tmp_path):
    asked = [
        post(),
        post(),
        post(b"{"),
        post(b"[]", "expect: nothing"),
        post(b"{}", "content-encoding: nonsense"),
        post(version="1.0"),
        b"nothing of HTTP\r\n\r\n",
    ]
    async with serving(tmp_path) as server:
        found = [id_of(answer) for one in asked for answer in await server.ask(one)]
    assert len(set(found)) == len(asked)
    assert len({one.partition("-")[0] for one in found}) == 1, "a process has one prefix"


@pytest.mark.parametrize(
    ("trusted", "sent", "taken"),
    [
        ("127.0.0.1", "x-request-id: nginx-77.a_B", "nginx-77.a_B"),
        ("127.0.0.1", f"traceparent: 00-{TRACE}-b7ad6b7169203331-01", TRACE),
        ("127.0.0.1", "x-request-id: a-client\r\nx-request-id: the-proxy", "the-proxy"),
        ("127.0.0.1", f"traceparent: 00-{'0' * 32}-b7ad6b7169203331-01", None),
        ("127.0.0.1", f"traceparent: ff-{TRACE}-b7ad6b7169203331-01", None),
        ("127.0.0.1", "x-request-id: two words", None),
        ("127.0.0.1", f"x-request-id: {'x' * 65}", None),
        ("10.0.0.1", "x-request-id: stranger", None),
    ],
)
async def test_a_trusted_proxy_names_a_request_and_nobody_else(tmp_path, trusted, sent, taken):
    async with serving(tmp_path, trusted_proxies=trusted) as server:
        for more in ((), ("expect: nothing",)):
            for _ in range(2):
                (answer,) = await server.ask(post(b"{}", sent, *more))
                found = id_of(answer)
                assert (found == taken) if taken else re.fullmatch(r"[0-9a-f]{8}-\d+", found)


async def test_a_fault_is_logged_under_the_id_of_its_answer(tmp_path):
    from footfall.system.log import TextFormatter

    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(TextFormatter("web").format(record))

    logging.getLogger("footfall").addHandler(keep := Keep())
    try:
        async with serving(tmp_path) as server:
            server.collector._prepare = None
            for more in ((), ("expect: nothing",)):
                (answer,) = await server.ask(post(b"{}", *more))
                assert answer.startswith(b"HTTP/1.1 500 ")
                assert f"the service failed; its log has the details of request {id_of(answer)}".encode() in answer
                assert f": request {id_of(answer)}: POST /events failed" in lines[-1]
    finally:
        logging.getLogger("footfall").removeHandler(keep)


def test_an_id_cannot_pass_for_anything_else_in_a_log():
    for value in (b"", b"a b", b"a\tb", b"a:b", "\u00e4".encode(), b"a\n", b"x" * 65):
        assert read_sent_id([(b"x-request-id", value)]) == ""
    assert read_sent_id([(b"traceparent", b"00-XYZ-1-01")]) == ""


def test_ids_go_on_past_a_block():
    ids = RequestIds()
    template = ResponseTemplate(CorsHeaders(Settings()), ids)
    found = [id_of(template.fill([], b"x" * length)) for length in range(len(DIGITS) * 2 + 1)]
    found += [ids.make() for _ in range(len(DIGITS) * 2 + 1)]
    assert len(set(found)) == len(found)
    assert {len(one.partition("-")[2]) for one in found} == {4}
