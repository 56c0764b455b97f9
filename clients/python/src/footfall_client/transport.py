"""One connection to the service, kept between requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from footfall_client.answers import Answer

if TYPE_CHECKING:
    from http.client import HTTPConnection

_BODY_MAX: Final = 64 * 1024 * 1024  # what a batch of the service's largest size is answered with


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
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Send a request and read its answer; `meanwhile` runs while the service works. Raises Unreachable.

        A connection that was kept may have been closed by the other end meanwhile; then another is tried once. That is
        safe, because a request that is sent twice has the same key.
        """
        was_kept = self._connection is not None
        try:
            return self._exchange(method, target, body, headers, meanwhile)
        except Unreachable:
            if not was_kept:
                raise
        return self._exchange(method, target, body, headers, meanwhile)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        meanwhile: Callable[[], None],
    ) -> Answer:
        from http.client import HTTPException  # noqa: PLC0415 - takes longer than all other imports together

        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request(method, self._prefix + target, body, {**self._headers, **(headers or {})})
            meanwhile()
            answer = self._connection.getresponse()
            content = answer.read(_BODY_MAX)
            if not answer.isclosed():
                self.close()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)
        except (OSError, HTTPException) as error:
            self.close()
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.close()  # half an answer may be on its way
            raise

    def _connect(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415 - the same

        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            import ssl  # noqa: PLC0415 - the same

            return HTTPSConnection(host, port, timeout=self._timeout_s, context=ssl.create_default_context())
        return HTTPConnection(host, port, timeout=self._timeout_s)
