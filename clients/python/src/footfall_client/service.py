"""The same steps carried out in two ways: blocking, and for an event loop.

An event loop has its requests made in threads: one implementation of HTTP serves both, and none is a dependency.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from footfall_client.answers import Answer
from footfall_client.calls import Pause, Request, Step, Steps, Work
from footfall_client.transport import Connection, Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from typing_extensions import Concatenate, ParamSpec, Self

    P = ParamSpec("P")

T = TypeVar("T")
_IDLE_MAX: Final = 8  # connections that are kept between requests
TIMEOUT_S: Final = 70.0  # longer than the service waits for a report, so that its answer comes first


class Requests:
    """Requests from any number of threads: each has a connection to itself while it is under way."""

    def __init__(
        self, url: str, auth: tuple[str, str] | str | None, timeout_s: float, headers: Mapping[str, str] | None
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._headers = dict(headers or {})
        if isinstance(auth, str):
            self._headers["Authorization"] = f"Bearer {auth}"
        elif auth is not None:
            name, password = auth
            self._headers["Authorization"] = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        Connection(url, timeout_s)  # raises ValueError for what is no address

    def carry_out(self, step: Request | Work) -> Any:
        """The outcome of a step: an Answer or Unreachable, or what work gives."""
        if isinstance(step, Work):
            return step.function()
        try:
            return self.make(step)
        except Unreachable as error:
            return error

    def make(self, request: Request) -> Answer:
        """Make a request. One to a link has no credentials: the link itself is the right."""
        if request.url is not None:
            return self._make_elsewhere(request, request.url)
        with self._lock:
            connection = self._idle.pop() if self._idle else Connection(self._url, self._timeout_s, self._headers)
        answer = _send(connection, request, request.target)
        with self._lock:
            if len(self._idle) < _IDLE_MAX:
                self._idle.append(connection)
                return answer
        connection.close()
        return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _make_elsewhere(self, request: Request, url: str) -> Answer:
        parts = urlsplit(url)
        connection = Connection(f"{parts.scheme}://{parts.netloc}", self._timeout_s)
        try:
            return _send(connection, request, parts.path + (f"?{parts.query}" if parts.query else ""))
        finally:
            connection.close()


def _send(connection: Connection, request: Request, target: str) -> Answer:
    return connection.request(
        request.method,
        target,
        request.body,
        request.headers,
        is_repeatable=request.is_repeatable,
        sink=request.sink,
    )


class _Progress(Generic[T]):
    """Steps that are being carried out: the one to do now, None at the end; then the result."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._result: list[T] = []
        self.step: Step | None = None
        self.go_on(None)

    def go_on(self, outcome: Any) -> None:
        """Give the outcome of the step; one that is Unreachable is raised within the steps."""
        try:
            is_failure = isinstance(outcome, Unreachable)
            self.step = self._steps.throw(outcome) if is_failure else self._steps.send(outcome)
        except StopIteration as end:
            self.step = None
            self._result.append(end.value)

    def end(self) -> T:
        """The result."""
        return self._result[0]


class _Client:
    """What all clients take: the service's address, a user's name and password or a key, a timeout of each wait."""

    def __init__(
        self,
        url: str,
        auth: tuple[str, str] | str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._requests = Requests(url, auth, timeout_s, headers)


class BlockingClient(_Client):
    """Calls that return when they are done. Any number of threads may use it."""

    def run(self, steps: Steps[T]) -> T:
        """Carry out a call."""
        progress = _Progress(steps)
        while progress.step is not None:
            if isinstance(progress.step, Pause):
                time.sleep(progress.step.seconds)
                progress.go_on(None)
            else:
                progress.go_on(self._requests.carry_out(progress.step))
        return progress.end()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._requests.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Client):
    """The same calls for an event loop, each to be awaited."""

    async def run(self, steps: Steps[T]) -> T:
        """Carry out a call."""
        progress = _Progress(steps)
        while progress.step is not None:
            if isinstance(progress.step, Pause):
                await asyncio.sleep(progress.step.seconds)
                progress.go_on(None)
            else:
                progress.go_on(await asyncio.to_thread(self._requests.carry_out, progress.step))
        return progress.end()

    async def close(self) -> None:
        """Close the connections that are kept."""
        self._requests.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.close()


C = TypeVar("C", bound=BlockingClient)
A = TypeVar("A", bound=AsyncClient)


def blocking(call: Callable[P, Steps[T]]) -> Callable[Concatenate[BlockingClient, P], T]:
    """A call as a method that blocks."""

    @functools.wraps(call)
    def method(client: BlockingClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client.run(call(*args, **kwargs))

    return method


def awaited(call: Callable[P, Steps[T]]) -> Callable[Concatenate[AsyncClient, P], Awaitable[T]]:
    """A call as a method to be awaited."""

    @functools.wraps(call)
    async def method(client: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client.run(call(*args, **kwargs))

    return method
