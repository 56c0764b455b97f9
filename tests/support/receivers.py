"""A receiver of alerts: a real HTTP server that keeps what it gets, and answers as a test says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

ANSWER_S = 60


class Received(NamedTuple):
    """One request: its path, headers by their names in lower case, and body."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers with `replies` in turn, each a status and headers, and with `body`; then with 204."""

    body = b""

    def __init__(self, tls: Any = None) -> None:
        self.received: list[Received] = []
        self.replies: list[tuple[int, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if tls else ''}://localhost:{self.port}/hook?for=us"

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.01)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            timeout = ANSWER_S

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                status, answer = receiver.replies.pop(0) if receiver.replies else (204, {})
                self.send_response(status)
                for name, value in answer.items():
                    self.send_header(name, value)
                told = b"" if status == 204 else receiver.body
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST  # noqa: N815 - the library's name

            def log_message(self, *_: Any) -> None:
                """Nothing is written among the tests' lines."""

        return Handler


@contextmanager
def receiving(tls: Any = None) -> Iterator[Receiver]:
    receiver = Receiver(tls)
    thread = threading.Thread(target=receiver.serve)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.close()
        thread.join()
