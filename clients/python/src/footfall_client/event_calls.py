"""Sending events now, and asking what became of them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from footfall_client.answers import Accepted, Problem, Sort, decide
from footfall_client.calls import Request, Steps, ask, error_of, exchange
from footfall_client.encoding import body_of, encode_mapping
from footfall_client.errors import ServiceError

_GZIP = 31


@dataclass(frozen=True)
class Sent:
    """Events that are on the service's disk. `batch` is None where all of them are in quarantine."""

    batch: str | None
    events: int
    quarantined: int
    key: str


class EventsRefused(ServiceError):
    """None of the events was accepted. `refused` has the reason of each that is wrong, by its place in the request."""

    def __init__(self, error: ServiceError, refused: Mapping[int, Problem]) -> None:
        super().__init__(error.status, error.code, error.message, error.problems)
        self.refused = dict(refused)


def send(events: Iterable[Mapping[str, Any]], *, key: str | None = None) -> Steps[Sent]:
    """Send events in one request; when this returns they are on the service's disk.

    `key` is the Idempotency-Key: the same events with the same key count once. Without one, one is made for the tries
    of this call. Raises EventsRefused, ServiceError and Unreachable.
    """
    lines = [encode_mapping(event).encode("ascii") for event in events]
    key = key or os.urandom(16).hex()
    if not lines:
        return Sent(None, 0, 0, key)
    compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    body = compressor.compress(body_of(lines)) + compressor.flush()
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Idempotency-Key": key}
    answer = yield from exchange(Request("POST", "/events", body, headers), taken=(400,))
    decision = decide(answer)
    if isinstance(decision, Accepted):
        return Sent(decision.batch, len(lines), decision.quarantined, key)
    if isinstance(decision, Sort):
        raise EventsRefused(error_of(answer), decision.problems)
    raise error_of(answer)


def receipt(batch: str) -> Steps[Any]:
    """What became of each event of a request: `journaled`, `stored`, `quarantined` or `dropped`. Needs a user."""
    return (yield from ask(f"/events/{quote(batch, safe='')}"))
