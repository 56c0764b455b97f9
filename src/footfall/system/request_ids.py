"""The id of a request: in the header `X-Request-Id` of its answer, and in every line of the log about it.

A process numbers its requests behind a prefix of its own. The last digits are made before, because to format a number
takes a fifth of what it takes to put an answer together. A trusted proxy may name a request itself: by `X-Request-Id`,
or by the trace of `traceparent` (W3C Trace Context). Others may not, and no id has a character that could pass for
anything else in a log.
"""

import itertools
import re
import secrets
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Final

HEADER: Final = b"x-request-id"
# 32 random bits: two processes of a day hardly ever have the same.
_PREFIX_BYTES: Final = 4
_ID: Final = re.compile(rb"[A-Za-z0-9_.-]{1,64}")
# Version ff and a trace of zeros are none.
_TRACEPARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

# The last digits of an id.
DIGITS: Final = tuple(b"%03d" % number for number in range(1000))

# The id of the request that is being answered, for the log; empty where there is none.
request_id: ContextVar[str] = ContextVar("footfall.request_id", default="")


class RequestIds:
    """The ids of the requests of one process: its prefix, the number of a block, and DIGITS."""

    def __init__(self) -> None:
        self._prefix = f"{secrets.token_hex(_PREFIX_BYTES)}-".encode()
        self._next_block = itertools.count(1).__next__
        self._block = b""
        self._digits: Iterator[bytes] = iter(())

    def begin_block(self) -> bytes:
        """What the next ids begin with: one for each of DIGITS, which are the caller's from now on."""
        return b"%b%d" % (self._prefix, self._next_block())

    def make(self) -> str:
        """The id of another request."""
        digits = next(self._digits, b"")
        if not digits:
            self._block, self._digits = self.begin_block(), iter(DIGITS)
            digits = next(self._digits)
        return f"{self._block.decode()}{digits.decode()}"


def read_sent_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that a request brings with it, the last of several; empty where it brings none that can be one.

    A proxy that adds its header to that of a client puts it behind.
    """
    named = trace = ""
    for name, value in headers:
        if name == HEADER and _ID.fullmatch(value):
            named = value.decode()
        elif name == b"traceparent" and (found := _TRACEPARENT.fullmatch(value)):
            trace = found[1].decode()
    return named or trace
