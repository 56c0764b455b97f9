"""Messages reach a real server, signed; what it refuses is tried again or given up, and nothing is sent elsewhere."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from receivers import Receiver, receiving

from footfall.alerts.book import Book, Firing
from footfall.alerts.conditions import Alert
from footfall.alerts.messages import new_message
from footfall.alerts.sender import (
    DROPPED,
    FAILED,
    FIRST_PAUSE_MS,
    GIVE_UP_MS,
    PAUSE_MAX_MS,
    SENT,
    MessageSender,
    accepts,
)
from footfall.settings import Settings

SECRET = "a secret of more than sixteen bytes"
NOW_MS = 1_760_000_000_000


class Clock:
    ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


class Post:
    """A sender, its clock and its book."""

    def __init__(self, url: str, **changes: Any) -> None:
        self.settings = Settings(alert_url=url, alert_secret=SECRET, **changes)
        self.clock = Clock()
        self.book = Book()
        self.sender = MessageSender(self.settings, self.clock, self.book)

    def add(self, text: str = "C: no event for an hour") -> None:
        alert = Alert("silence", {"customer": "C"}, text, 0, 30)
        self.sender.add(new_message("firing", Firing(alert, NOW_MS - 5), self.settings, "node-1", self.clock.ms))

    def wait_for_due(self) -> int:
        """Move the clock to the next try; gives the pause in ms."""
        pause_ms = self.book.waiting[0].due_ms - self.clock.ms
        self.clock.ms += pause_ms
        return pause_ms


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def receiver(server: Receiver) -> Receiver:
    server.received.clear()
    server.replies.clear()
    return server


pytestmark = pytest.mark.anyio


async def test_a_message_is_signed_over_its_id_the_time_and_the_body(receiver: Receiver) -> None:
    post = Post(receiver.url, environment="staging", public_url="https://usage.example.com")
    post.add()
    assert await post.sender.send_first() == 0
    assert await post.sender.send_first() is None
    ((path, headers, body),) = receiver.received
    assert path == "/hook?for=us"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == str(NOW_MS // 1000)
    assert SECRET.encode() not in body
    said = json.loads(body)
    assert said["type"] == "alert.firing"
    assert said["data"] == {
        "key": "silence customer=C",
        "kind": "silence",
        "subject": {"customer": "C"},
        "text": "C: no event for an hour",
        "value": 0,
        "usual": 30,
        "since": "2025-10-09T08:53:19.995Z",
        "node": "node-1",
        "environment": "staging",
        "url": "https://usage.example.com",
    }
    assert post.sender.counts == {SENT: 1, FAILED: 0, DROPPED: 0}


async def test_a_secret_of_standard_webhooks_is_base64(receiver: Receiver) -> None:
    key = bytes(range(24))
    post = Post(receiver.url)
    post.sender = MessageSender(
        Settings(alert_url=receiver.url, alert_secret=f"whsec_{base64.b64encode(key).decode()}"), post.clock, post.book
    )
    post.add()
    await post.sender.send_first()
    ((_, headers, body),) = receiver.received
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


async def test_a_failure_is_tried_again_after_growing_pauses_with_the_same_id_and_a_new_time(
    receiver: Receiver,
) -> None:
    post = Post(receiver.url)
    post.add()
    receiver.replies[:] = [(500, {}), (503, {"retry-after": "100"}), (429, {}), (404, {})]
    pauses = []
    for _ in range(4):
        assert await post.sender.send_first() == 0
        assert await post.sender.send_first() == post.book.waiting[0].due_ms - post.clock.ms
        pauses.append(post.wait_for_due())
    await post.sender.send_first()
    assert post.book.waiting == []
    assert 0.8 * FIRST_PAUSE_MS <= pauses[0] <= FIRST_PAUSE_MS
    assert pauses[1] == 100_000
    assert 0.8 * 4 * FIRST_PAUSE_MS <= pauses[2] <= 4 * FIRST_PAUSE_MS < pauses[3] / 0.8
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.received}) == 5


async def test_what_nobody_takes_for_a_day_is_given_up_and_no_pause_is_longer_than_an_hour() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    post = Post(f"http://127.0.0.1:{port}/")
    post.add()
    longest = 0
    while post.book.waiting:
        await post.sender.send_first()
        longest = max(longest, post.wait_for_due() if post.book.waiting else 0)
    assert 0.8 * PAUSE_MAX_MS <= longest <= PAUSE_MAX_MS
    assert GIVE_UP_MS <= post.clock.ms - NOW_MS <= GIVE_UP_MS + PAUSE_MAX_MS
    assert post.sender.counts[FAILED] == 1


async def test_a_refusal_for_good_is_not_repeated_and_a_redirect_is_not_followed(receiver: Receiver) -> None:
    post = Post(receiver.url)
    post.add()
    receiver.replies[:] = [(400, {})]
    await post.sender.send_first()
    assert (post.book.waiting, post.sender.counts[FAILED]) == ([], 1)
    post.add()
    with receiving() as other:
        receiver.replies[:] = [(307, {"location": other.url})]
        await post.sender.send_first()
        assert other.received == []
    assert len(post.book.waiting) == 1


async def test_the_oldest_is_dropped_where_too_many_wait(receiver: Receiver) -> None:
    post = Post(receiver.url, alert_waiting_max=2)
    for text in ("one", "two", "three"):
        post.add(text)
    assert [json.loads(one.body)["data"]["text"] for one in post.book.waiting] == ["two", "three"]
    assert post.sender.counts[DROPPED] == 1


async def test_an_answer_without_an_end_ends_in_time_and_bytes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        post = Post(f"http://127.0.0.1:{silent.getsockname()[1]}/", alert_timeout_s=1)
        post.add()
        await post.sender.send_first()
        assert post.book.waiting[0].tries == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        # As Python's own server answers, where nobody says otherwise: the end of the connection is that of the answer.
        (b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n", SENT),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nthanks", SENT),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n", "tried"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthanks", "tried"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nthanks\r\n", "tried"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "tried"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", "tried"),
    ],
)
async def test_an_answer_ends_with_its_connection_where_it_says_no_end(answer: bytes, outcome: str) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
        post = Post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        post.add()
        assert await post.sender.send_first() == 0
    assert [one.tries for one in post.book.waiting] == ([] if outcome == SENT else [1])
    assert post.sender.counts[SENT] == (outcome == SENT)


async def test_https_needs_a_certificate_that_the_machine_trusts(monkeypatch: Any, tmp_path: Any) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    with receiving(tls) as receiver:
        post = Post(receiver.url)
        post.add()
        await post.sender.send_first()
        assert (receiver.received, post.book.waiting[0].tries) == ([], 1)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        trusting = Post(receiver.url)
        trusting.add()
        await trusting.sender.send_first()
        assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("url", "address", "accepted"),
    [
        ("https://hooks.example.com/x", "203.0.113.9", True),
        ("https://hooks.example.com/x", "10.1.2.3", True),
        ("https://hooks.example.com/x", "169.254.169.254", False),
        ("https://hooks.example.com/x", "fe80::1", False),
        ("https://hooks.example.com/x", "::ffff:169.254.169.254", False),
        ("https://hooks.example.com/x", "127.0.0.1", False),
        ("https://hooks.example.com/x", "0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("https://hooks.example.com/x", "224.0.0.1", False),
        ("http://localhost:9000/x", "127.0.0.1", True),
        ("http://localhost:9000/x", "::1", True),
        ("http://localhost:9000/x", "10.1.2.3", False),
    ],
)
def test_a_name_leads_to_no_address_that_the_setting_cannot_mean(url: str, address: str, accepted: bool) -> None:
    assert accepts(url)(ipaddress.ip_address(address)) is accepted


async def test_a_name_that_leads_to_such_an_address_alone_is_not_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        post = Post(f"https://127.0.0.2:{server.getsockname()[1]}/")
        post.add()
        await post.sender.send_first()
        assert post.book.waiting[0].tries == 1
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_where_an_address_is_not_reached_the_next_one_is_asked(receiver: Receiver, monkeypatch: Any) -> None:
    # The first is refused, since nobody listens there; the second may not be asked; the third is the receiver.
    found = [(None, None, None, "", (address, receiver.port)) for address in ("127.0.0.9", "192.0.2.1", "127.0.0.1")]
    asked: list[str] = []

    async def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return found

    post = Post(receiver.url)
    post.add()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    assert await post.sender.send_first() == 0
    assert (post.sender.counts[SENT], len(receiver.received)) == (1, 1)
    assert asked[0] == "localhost"
