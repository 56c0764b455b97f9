"""A proxy in front of the real service that treats requests as a bad network would."""

import contextlib
import http.client
import http.server
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

# How a request may be treated; `pass` hands it on and gives the answer back.
REFUSALS = {"429": 429, "500": 500, "503": 503}
KINDS = ("pass", "429", "500", "503", "cut before", "cut after", "slow", "half an answer")


class HostileProxy:
    """`kinds` are what it chooses from for each request, by a seed; `met` counts what it did."""

    def __init__(self, url: str, kinds: tuple[str, ...] = KINDS, seed: int = 1, retry_after_s: int = 0) -> None:
        self.target = urlsplit(url)
        self.kinds = kinds
        self.retry_after = str(retry_after_s)
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.met: Counter[str] = Counter()
        self.keys: list[str] = []
        self.bodies: dict[str, set[bytes]] = {}
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy.treat(self)

            do_GET = do_HEAD = do_OPTIONS = do_POST  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def treat(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        key = handler.headers.get("idempotency-key", "")
        with self.lock:
            kind = self.random.choice(self.kinds) if handler.command in ("GET", "POST") else "pass"
            self.met[kind] += 1
            if handler.command == "POST":
                self.keys.append(key)
                self.bodies.setdefault(key, set()).add(body)
        if kind in REFUSALS:
            return self.answer(handler, REFUSALS[kind], {"retry-after": self.retry_after}, b"no")
        if kind == "cut before":
            return self.cut(handler)
        if kind == "slow":
            time.sleep(0.3)
        status, headers, answer = self.forward(handler, body)
        if kind == "cut after":
            return self.cut(handler)
        if kind == "half an answer":
            self.answer(handler, status, headers, answer, written=len(answer) // 2)
            return self.cut(handler)
        return self.answer(handler, status, headers, answer)

    def forward(self, handler: http.server.BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=60)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
            connection.request(handler.command, handler.path, body, headers)
            answer = connection.getresponse()
            kept = {
                name.lower(): value
                for name, value in answer.getheaders()
                if name.lower() not in ("connection", "date", "server")
                and (name.lower() != "content-length" or handler.command == "HEAD")
            }
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def answer(
        self,
        handler: http.server.BaseHTTPRequestHandler,
        status: int,
        headers: dict[str, str],
        body: bytes,
        written: int | None = None,
    ) -> None:
        """Answer with a body, of which only so much is written."""
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if handler.command != "HEAD":
            handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:written])

    def cut(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.flush()
        with contextlib.suppress(OSError):
            handler.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def hostile_proxy(url: str, kinds: tuple[str, ...] = KINDS, **options: int) -> Iterator[HostileProxy]:
    """A proxy that runs in threads of the test."""
    proxy = HostileProxy(url, kinds, **options)
    thread = threading.Thread(target=proxy.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
        thread.join()
