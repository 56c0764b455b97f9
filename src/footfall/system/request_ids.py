"""The id of a request: in the header `X-Request-Id` of its answer, and in every line of the log about it.

A process numbers its requests behind a prefix of its own, which costs next to nothing. A trusted proxy may name a
request itself: by `X-Request-Id`, or by the trace of `traceparent` (W3C Trace Context). Others may not, and no id has a
character that could pass for anything else in a log.
"""

import itertools
import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Final

HEADER: Final = b"x-request-id"
# 32 random bits: two processes of a day hardly ever have the same.
_PREFIX_BYTES: Final = 4
_ID: Final = re.compile(rb"[A-Za-z0-9_.-]{1,64}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

# The id of the request that is being answered, for the log; empty where there is none.
request_id: ContextVar[str] = ContextVar("footfall.request_id", default="")


class RequestIds:
    """The ids of the requests of one process: `prefix`, and the `next_number` of a request."""

    def __init__(self) -> None:
        self.prefix = f"{secrets.token_hex(_PREFIX_BYTES)}-".encode()
        self.next_number = itertools.count(1).__next__

    def make(self) -> str:
        """The id of another request."""
        return f"{self.prefix.decode()}{self.next_number()}"


def read_sent_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that a request brings with it; empty where it brings none that can be one."""
    trace = ""
    for name, value in headers:
        if name == HEADER and _ID.fullmatch(value):
            return value.decode()
        if name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            trace = found[1].decode()
    return trace
