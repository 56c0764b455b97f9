"""The ASGI application behind `POST /events`."""

import hashlib
import logging
import uuid
from collections import Counter
from typing import Any

import msgspec

from footfall import refusals
from footfall.clock import Clock
from footfall.collecting import decode, request
from footfall.errors import Code, RequestRefused
from footfall.journal import Journal, JournalError
from footfall.plan import LivePlan, Refused
from footfall.quarantine import hold
from footfall.settings import Settings
from footfall.wire import StoredEvent

log = logging.getLogger(__name__)

# What the UUIDs of requests with an Idempotency-Key are derived from; it must never change.
NAMESPACE = uuid.UUID("6b77a91d-6f08-511a-b67d-1d6faf7a127d").bytes
# Seconds after which a client should try again when the journal could not take its events.
RETRY_AFTER_S = 1

_encode_lines = msgspec.json.Encoder().encode_lines


class Collector:
    """Accepts events: answers 200 when they are on disk, and anything else when nothing of the request was kept.

    In quarantine mode events that break the plan do not refuse the others: they are held, durably with them, and the
    answer's header `Footfall-Quarantined` says how many they are.
    """

    def __init__(self, journal: Journal, plan: LivePlan, settings: Settings, clock: Clock) -> None:
        self._journal = journal
        self._plan = plan
        self._settings = settings
        self._clock = clock
        self._holds = settings.plan_mode == "quarantine"
        self.refusals: Counter[Code] = Counter()
        self.events_accepted = 0
        self.events_quarantined = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request of the ASGI type `http` with the method POST."""
        try:
            content, held = await self._collect(scope, receive)
        except RequestRefused as refused:
            self.refusals[refused.code] += 1
            await _answer(send, *refusals.render(refused))
        except request.Disconnected:
            return
        except Exception:
            self.refusals[Code.REQUEST_GENERAL_FAILURE] += 1
            log.exception("POST /events failed")
            await _answer(send, *refusals.render(_failure()))
        else:
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
            if held:
                headers.append((b"footfall-quarantined", b"%d" % held))
            await _answer(send, 200, headers, content)

    async def _collect(self, scope: Any, receive: Any) -> tuple[bytes, int]:
        """The body of the answer, and how many events are held in quarantine. Raises RequestRefused."""
        settings = self._settings
        headers = request.headers(scope["headers"], settings)
        sent = await request.read(receive, settings)
        body = await request.unpack(sent, headers.encoding, settings)
        events = decode.decode(body, settings)
        if not events:
            return b"[]", 0
        decode.limit(events, len(body), self._clock.now_ms(), settings)
        checker = self._plan.checker
        refused = checker.check(events)
        if refused and not self._holds:
            raise _not_in_plan(refused, settings)
        identify(events, headers.idempotency_key, body)
        held = b""
        if refused:
            events, held = hold(events, refused, request.sender(scope), checker.plan.fingerprint)
        lines = _encode_lines(events)
        await self._store(lines, held)
        self.events_accepted += len(events)
        self.events_quarantined += len(refused)
        return b"[" + lines[:-1].replace(b"}\n", b"},") + b"]", len(refused)

    async def _store(self, lines: bytes, held: bytes) -> None:
        try:
            await self._journal.append(lines, held)
        except JournalError as error:
            text = "the events cannot be made durable now; none of them was accepted"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S) from error


def identify(events: list[StoredEvent], key: str, body: bytes) -> None:
    """Give the events their batch and their sequence within it, from 1.

    With an idempotency key the batch follows from key and body, so that a retry makes the same events again.
    """
    batch = str(_derive(key, body) if key else uuid.uuid4())
    for sequence, event in enumerate(events, 1):
        event.sequence = sequence
        event.batch = batch


def _derive(key: str, body: bytes) -> uuid.UUID:
    """A UUID of version 5 over key and body; no key holds a NUL, so that no two pairs read the same."""
    name = key.encode() + b"\0" + body
    return uuid.UUID(bytes=hashlib.sha1(NAMESPACE + name, usedforsecurity=False).digest()[:16], version=5)


async def _answer(send: Any, status: int, headers: list[tuple[bytes, bytes]], content: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _not_in_plan(refused: list[Refused], settings: Settings) -> RequestRefused:
    noun = "one event breaks" if len(refused) == 1 else f"{len(refused)} events break"
    problems = [problem for item in refused for problem in item.problems]
    text = f"{noun} the tracking plan; nothing was stored"
    return RequestRefused(Code.EVENT_NOT_IN_PLAN, text, tuple(problems[: settings.problems_max]))


def _failure() -> RequestRefused:
    return RequestRefused(Code.REQUEST_GENERAL_FAILURE, "the service failed; its log has the details")
