"""Events that are sent one after the other, each once, while something happens to the service."""

import threading
import time
import uuid
from typing import Any

import httpx

WITHIN_S = 60
EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-SYMBOL-ADDED", "context": ["u", "w", "s"]}


class Sender(threading.Thread):
    """Posts one event after the other, each once; a request that fails ends it."""

    def __init__(self, url: str, *, keep_alive: bool) -> None:
        super().__init__()
        self.url, self.keep_alive = url, keep_alive
        self.sent, self.failures, self.stopping = 0, list[str](), threading.Event()

    def run(self) -> None:
        headers = {} if self.keep_alive else {"connection": "close"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=WITHIN_S) as client:
            while not self.stopping.is_set():
                body = {"events": [{**EVENT, "timestamp": 1_600_000_000_000 + self.sent}]}
                key = {"Idempotency-Key": str(uuid.uuid4())}
                try:
                    answer = client.post("/events", json=body, headers=key)
                    answer.raise_for_status()
                except httpx.HTTPError as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                    return
                self.sent += 1
                self.stopping.wait(0.01)


def wait_until(is_so: Any, what: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def wait_for_all(senders: list[Sender]) -> None:
    """Wait until each has sent one more event, or has failed."""
    before = [sender.sent for sender in senders]
    wait_until(
        lambda: all(now.sent > was or now.failures for now, was in zip(senders, before, strict=True)), "nothing is sent"
    )
