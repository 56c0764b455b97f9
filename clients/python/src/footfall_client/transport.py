"""One connection to the service, kept between requests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from footfall_client.answers import Answer

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

    from footfall_client.calls import Sink

_BODY_MAX: Final = 64 * 1024 * 1024  # what a batch of the service's largest size is answered with
_PIECE: Final = 256 * 1024


class Unreachable(Exception):
    """No whole answer came: whether the request arrived is unknown."""


class Connection:
    """Requests to one service, one after the other. Not for several threads at once."""

    def __init__(self, url: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            message = f"{url!r} is no address of a service, such as https://events.example.com"
            raise ValueError(message)
        self._parts = parts
        self._prefix = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._headers = {"User-Agent": "footfall-client", **(headers or {})}
        self._connection: HTTPConnection | None = None

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        is_repeatable: bool = True,
        meanwhile: Callable[[], None] | None = None,
        sink: Sink | None = None,
    ) -> Answer:
        """Send a request and read its answer. Raises Unreachable.

        A connection that was kept may have been closed by the other end meanwhile. Then a request that is repeatable is
        sent again over another; one that is not gets a new connection from the start. `meanwhile` runs while the
        service works. A `sink` takes the body of a 200 or 206 piece by piece; what it raises is raised.
        """
        if not is_repeatable:
            self.close()
        was_kept = self._connection is not None
        all_headers = {**self._headers, **(headers or {})}
        try:
            answer = self._begin(method, target, body, all_headers, meanwhile)
        except Unreachable:
            if not was_kept:
                raise
            answer = self._begin(method, target, body, all_headers, meanwhile)
        names = {name.lower(): value for name, value in answer.getheaders()}
        try:
            body_read = b""
            if sink is None or answer.status not in (200, 206):
                body_read = self._read(answer, _BODY_MAX)
            else:
                sink.begin(answer.status)
                while piece := self._read_piece(answer):
                    sink.write(piece)
            if answer.length and method != "HEAD":
                message = f"{answer.length} bytes of the answer are missing"
                raise Unreachable(message)
            return Answer(answer.status, names, body_read)
        finally:
            if not answer.isclosed():  # the rest of the answer is on its way
                self.close()

    def __del__(self) -> None:
        """A client that is dropped leaves nothing open."""
        if getattr(self, "_connection", None) is not None:
            self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begin(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        meanwhile: Callable[[], None] | None,
    ) -> HTTPResponse:
        """Send a request, and read the head of its answer."""
        with self._failures():
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request(method, self._prefix + target, body, headers)
            if meanwhile is not None:
                meanwhile()
            return self._connection.getresponse()

    def _read(self, answer: HTTPResponse, size: int) -> bytes:
        with self._failures():
            return answer.read(size)

    def _read_piece(self, answer: HTTPResponse) -> bytes:
        """What has arrived, at least a byte: a stream is told while it goes on."""
        with self._failures():
            return answer.read1(_PIECE)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Close the connection after any failure, and tell those of the network as Unreachable."""
        from http.client import HTTPException  # noqa: PLC0415 - takes longer than all other imports together

        try:
            yield
        except (OSError, HTTPException) as error:
            self.close()
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - the same

        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            import ssl  # noqa: PLC0415 - the same

            return HTTPSConnection(host, port, timeout=self._timeout_s, context=ssl.create_default_context())
        return HTTPConnection(host, port, timeout=self._timeout_s)
