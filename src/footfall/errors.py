"""The closed set of reasons for which footfall refuses a request, and the exception that carries one to the edge.

Which status a code travels with stands in `refusals.py`, the one table of it.
"""

from enum import StrEnum

import msgspec


class Code(StrEnum):
    """Error codes of the wire; clients compare them as strings."""

    REQUEST_INPUT_MALFORMED = "REQUEST_INPUT_MALFORMED"
    REQUEST_PARAMETER_MALFORMED = "REQUEST_PARAMETER_MALFORMED"
    EVENT_NOT_IN_PLAN = "EVENT_NOT_IN_PLAN"
    REQUEST_UNAUTHORIZED = "REQUEST_UNAUTHORIZED"
    REQUEST_AUTHORIZATION_FAILURE = "REQUEST_AUTHORIZATION_FAILURE"
    EVENT_JOB_GET_FAILED_NO_JOB = "EVENT_JOB_GET_FAILED_NO_JOB"
    EVENT_JOB_GET_FAILED_RUNNING = "EVENT_JOB_GET_FAILED_RUNNING"
    EVENT_JOB_GET_FAILED = "EVENT_JOB_GET_FAILED"
    EVENT_BATCH_NOT_FOUND = "EVENT_BATCH_NOT_FOUND"
    REQUEST_NOT_FOUND = "REQUEST_NOT_FOUND"
    REQUEST_METHOD_NOT_ALLOWED = "REQUEST_METHOD_NOT_ALLOWED"
    REQUEST_NOT_ACCEPTABLE = "REQUEST_NOT_ACCEPTABLE"
    REQUEST_TIMED_OUT = "REQUEST_TIMED_OUT"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    REQUEST_HEAD_TOO_LARGE = "REQUEST_HEAD_TOO_LARGE"
    REQUEST_UNSUPPORTED_MEDIA_TYPE = "REQUEST_UNSUPPORTED_MEDIA_TYPE"
    REQUEST_RANGE_NOT_SATISFIABLE = "REQUEST_RANGE_NOT_SATISFIABLE"
    REQUEST_RATE_LIMITED = "REQUEST_RATE_LIMITED"
    LINK_EXPIRED = "LINK_EXPIRED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    REQUEST_GENERAL_FAILURE = "REQUEST_GENERAL_FAILURE"


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: `where` names the place (`events[3].context[1]`), `why` what to do about it."""

    code: Code
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


class RequestRefused(Exception):
    """A request that cannot be served, raised at the edge; nothing of it took effect.

    `retry_after_s` is the time in seconds after which the same request may succeed.
    """

    def __init__(
        self, code: Code, message: str, problems: tuple[Problem, ...] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.problems = problems
        self.retry_after_s = retry_after_s
