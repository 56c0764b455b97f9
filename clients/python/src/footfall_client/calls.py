"""Calls of the service as steps, without any input or output: what to ask, how long to pause, what the answer means.

A call is a generator. It yields a Request and is sent the Answer, or is thrown Unreachable; it yields Work and is sent
its result; it yields a Pause. `service.py` carries the same steps out in two ways, so that no call is written twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, Union

from footfall_client.answers import Answer, Backoff, Problem, reason_of, retry_after_s
from footfall_client.errors import ServiceError
from footfall_client.transport import Unreachable

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

T = TypeVar("T")
_ATTEMPTS_MAX: Final = 6  # with the pauses between them some fifteen seconds, longer where Retry-After asks for it
_BACKOFF: Final = Backoff(0.3, 10.0)
# Nothing was done, by the service's own word; after 500 or without an answer that is unknown.
_REFUSED_FOR_NOW: Final = (429, 503)
_ANOTHER_TIME: Final = (408, 429, 500, 502, 503, 504)


class Sink(Protocol):
    """Where the body of a large answer goes, piece by piece."""

    def begin(self, status: int) -> None: ...

    def write(self, piece: bytes) -> None: ...


@dataclass(frozen=True)
class Request:
    """One request. `url` is set where it goes elsewhere, to a link. `sink` gets the body of a 200 or 206."""

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    sink: Sink | None = None
    is_repeatable: bool = True


@dataclass(frozen=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Something that takes the processor or the disk a while; its result is sent back."""

    function: Callable[[], Any]


Step = Union[Request, Pause, Work]
Steps: TypeAlias = "Generator[Step, Any, T]"


def exchange(request: Request, *, taken: tuple[int, ...] = ()) -> Steps[Answer]:
    """The answer to a request, after as many tries as make sense. Raises ServiceError and Unreachable.

    What is not repeatable is sent again only when the service said that it did nothing. Answers of the statuses that
    are `taken` are given back instead of raised.
    """
    attempts = 0
    while True:
        attempts += 1
        failure: Exception
        pause_s = 0.0
        try:
            answer: Answer = yield request
        except Unreachable as error:
            failure, is_final = error, not request.is_repeatable
        else:
            if answer.status < 400 or answer.status in taken:
                return answer
            failure = error_of(answer)
            is_final = answer.status not in (_ANOTHER_TIME if request.is_repeatable else _REFUSED_FOR_NOW)
            pause_s = retry_after_s(answer.headers)
        if is_final or attempts >= _ATTEMPTS_MAX:
            raise failure
        yield Pause(_BACKOFF.pause_s(attempts, pause_s))


def ask(target: str, headers: Mapping[str, str] | None = None) -> Steps[Any]:
    """The JSON that a GET is answered with."""
    answer = yield from exchange(Request("GET", target, headers={"Accept": "application/json", **(headers or {})}))
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise no_answer(answer) from error


def no_answer(answer: Answer) -> ServiceError:
    """The error that something else than the service has answered."""
    return ServiceError(answer.status, "", "no answer of footfall: is the address right?")


def post(target: str, content: object) -> Steps[Answer]:
    """The answer to a POST of JSON that does something each time."""
    body = json.dumps(content).encode()
    request = Request("POST", target, body, {"Content-Type": "application/json"}, is_repeatable=False)
    return (yield from exchange(request))


def error_of(answer: Answer) -> ServiceError:
    """The error that an answer tells."""
    try:
        root = json.loads(answer.body)[0]
        code, message = str(root["value"]["code"]), str(root["value"]["message"])
        values = [child["value"] for child in root["children"]]
        problems = [
            Problem(str(one["code"]), str(one.get("data", {}).get("path", "")), str(one["message"])) for one in values
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        code = "REQUEST_UNAUTHORIZED" if answer.status == 401 else ""
        return ServiceError(answer.status, code, reason_of(answer))
    return ServiceError(answer.status, code, message, problems)
