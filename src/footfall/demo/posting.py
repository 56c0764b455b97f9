"""Sends the demo's requests as any client would: over HTTP, under an `Idempotency-Key`, again where that helps."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Self

import msgspec
import urllib3
from msgspec import Struct, structs

from footfall.demo.traffic import DemoRequest, Kind
from footfall.wire import ErrorNode

# Requests under way: on a slow disk one sync serves all of them; not so many that a service would refuse some.
AT_ONCE_MAX: Final = 16
# Requests that wait for one of the threads: what is made ahead stays small.
_AHEAD_MAX: Final = 64
# Times that a request is sent before the demo gives up, and the longest pause between two, in seconds.
_TRIES_MAX: Final = 8
_PAUSE_MAX_S: Final = 5.0
_TIMEOUT = urllib3.Timeout(connect=5, read=60)


class CannotPost(Exception):
    """The service cannot be reached, or does not take the demo's events; the text says why."""


class Tally(Struct, frozen=True):
    """What became of the demo's events.

    `events` were stored for the first time and `duplicates` anew under another key; `retries` are requests that were
    sent twice under one key, which count once. Of those that break the plan, `quarantined` are held, `refused` not
    stored, and `taken` stored, as open mode takes them.
    """

    requests: int = 0
    events: int = 0
    duplicates: int = 0
    retries: int = 0
    quarantined: int = 0
    refused: int = 0
    taken: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        mine, others = structs.astuple(self), structs.astuple(other)
        return Tally(*(one + another for one, another in zip(mine, others, strict=True)))


class Poster:
    """Posts to one service; a context manager, which closes its connections."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/events"
        self._pool = urllib3.PoolManager(maxsize=AT_ONCE_MAX, retries=False, timeout=_TIMEOUT)
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="demo")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._pool.clear()

    def post_all(self, requests: Iterable[DemoRequest], show: Callable[[Tally], None]) -> Tally:
        """Post requests, some at once, in about their order. Raises CannotPost."""
        tally, running = Tally(), deque[Future[Tally]]()
        for request in requests:
            running.append(self._threads.submit(self.post, request))
            if len(running) > _AHEAD_MAX:
                tally += running.popleft().result()
                show(tally)
        for future in running:
            tally += future.result()
        show(tally)
        return tally

    def post(self, request: DemoRequest) -> Tally:
        """Post one request as often as it says. Raises CannotPost."""
        body = request.body()
        for _ in range(request.times):
            status, held, why = self._send(request.key, body)
        count = len(request.events)
        if status == 400 and request.kind is Kind.BROKEN:
            return Tally(requests=request.times, refused=count)
        if status != 200:
            raise CannotPost(f"the service answered {status}: {why}")
        if request.kind is Kind.BROKEN:
            return Tally(requests=request.times, quarantined=held, taken=count - held)
        if held:
            raise CannotPost(f"the tracking plan does not take the demo: {held} of {count} events are in quarantine")
        is_usual = request.kind is Kind.USUAL
        return Tally(
            requests=request.times,
            events=count if is_usual else 0,
            duplicates=0 if is_usual else count,
            retries=request.times - 1,
        )

    def _send(self, key: str, body: bytes) -> tuple[int, int, str]:
        """Status, number of events in quarantine, and the message of an error; sent again where that may help."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, "User-Agent": "footfall/demo"}
        for last in (*[False] * (_TRIES_MAX - 1), True):
            try:
                answer = self._pool.request("POST", self._url, body=body, headers=headers)
            except urllib3.exceptions.HTTPError as error:
                if last or isinstance(
                    error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.LocationValueError
                ):
                    raise CannotPost(f"nothing answers at {self._url}: {_reason(error)}") from error
                time.sleep(1)
                continue
            if answer.status not in (429, 503) or last:
                break
            time.sleep(min(_seconds(answer.headers.get("Retry-After")), _PAUSE_MAX_S))
        return answer.status, int(answer.headers.get("Footfall-Quarantined", 0)), _message(answer.data)


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdecimal() else 1.0


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    return cause.strerror if isinstance(cause, OSError) and cause.strerror else type(error).__name__


def _message(body: bytes) -> str:
    """The first thing that an error's body says is wrong."""
    if not body.startswith(b'[{"value"'):
        return ""
    try:
        (root,) = msgspec.json.decode(body, type=list[ErrorNode])
    except (msgspec.DecodeError, ValueError):
        return ""
    return (root.children[0] if root.children else root).value.message
