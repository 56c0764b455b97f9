"""Sends the messages that wait, in their order: one at a time, tried again after growing pauses, for a day.

The receiver is a setting, and no request can name another. A name that leads to an address within this machine's own
network link, where clouds keep what machines are trusted with, is not connected to; plain HTTP only to this machine.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from footfall.alerts.book import Book, Message
from footfall.alerts.messages import signed_headers
from footfall.settings import Settings
from footfall.settings.identity_provider import LOOPBACK_HOSTS
from footfall.system.clock import Clock
from footfall.system.http_client import Address, ExchangeFailed, HttpClient, Reply

log = logging.getLogger(__name__)

# The first pause, doubled from try to try up to the longest; each is up to a fifth shorter, so that nodes spread.
FIRST_PAUSE_MS: Final = 5_000
PAUSE_MAX_MS: Final = 3_600_000
# A message that nobody took for a day is given up.
GIVE_UP_MS: Final = 86_400_000
# An answer is its status; more of it is not read.
ANSWER_BYTES_MAX: Final = 64 * 1024
# Statuses in the 400s that say "later" rather than "never".
_LATER: Final = frozenset({401, 403, 404, 407, 408, 409, 421, 425, 429})

SENT, FAILED, DROPPED = "sent", "failed", "dropped"


class MessageSender:
    """Sends the messages of a book. All of it is called in one event loop."""

    def __init__(self, settings: Settings, clock: Clock, book: Book) -> None:
        self._url = settings.alert_url
        self._secret = settings.alert_secret
        self._waiting_max = settings.alert_waiting_max
        self._clock = clock
        self._book = book
        self._client = new_client(settings)
        self.counts = Counter({SENT: 0, FAILED: 0, DROPPED: 0})

    def add(self, message: Message) -> None:
        """Have a message wait. With more than may wait, the oldest is dropped: what is now matters more."""
        self._book.waiting.append(message)
        while len(self._book.waiting) > self._waiting_max:
            self._book.waiting.pop(0)
            self._count(DROPPED, "too many alerts wait for %s; the oldest is dropped", "")

    async def send_first(self) -> int | None:
        """Try the first message when it is due; gives ms until the next try, or None when none waits."""
        if not self._book.waiting:
            return None
        message = self._book.waiting[0]
        wait_ms = message.due_ms - self._clock.now_ms()
        if wait_ms > 0:
            return wait_ms
        headers = signed_headers(message, self._secret, self._clock.now_ms())
        try:
            reply = await self._client.post(self._url, headers, message.body.encode())
        except ExchangeFailed as error:
            self._failed(message, str(error), None)
        else:
            self._answered(message, reply)
        return 0

    def _answered(self, message: Message, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            self._end(message)
            self.counts[SENT] += 1
        elif 400 <= reply.status < 500 and reply.status not in _LATER:
            self._end(message)
            self._count(FAILED, "%s refuses an alert for good: %s", f"status {reply.status}")
        else:
            # A redirect is none of the receiver's business: the setting says where it is.
            self._failed(message, f"status {reply.status}", reply.headers.get("retry-after"))

    def _failed(self, message: Message, why: str, retry_after: str | None) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - message.made_ms >= GIVE_UP_MS:
            self._end(message)
            self._count(FAILED, "an alert could not be sent to %s for a day, and is given up: %s", why)
            return
        pause_ms = min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** min(message.tries, 20))
        pause_ms = round(pause_ms * random.uniform(0.8, 1))  # noqa: S311 - spread, not secrecy
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
            pause_ms = min(PAUSE_MAX_MS, max(pause_ms, int(retry_after[:9]) * 1000))
        message.tries += 1
        message.due_ms = now_ms + pause_ms
        log.warning("an alert waits %d s for %s: %s", pause_ms / 1000, self._host, why)

    def _end(self, message: Message) -> None:
        # It may have been dropped while it was sent.
        self._book.waiting[:] = [one for one in self._book.waiting if one.id != message.id]

    def _count(self, outcome: str, text: str, why: str) -> None:
        self.counts[outcome] += 1
        log.warning(text, *filter(None, (self._host, why)))

    @property
    def _host(self) -> str:
        # The rest of the URL may be what the receiver knows us by.
        return urlsplit(self._url).hostname or ""


def new_client(settings: Settings) -> HttpClient:
    """What asks the receiver of the settings, within its bounds, and nobody else."""
    return HttpClient(settings.alert_timeout_s, ANSWER_BYTES_MAX, accepts(settings.alert_url))


def accepts(url: str) -> Callable[[Address], bool]:
    """Whether an address that the URL's host has may be connected to."""
    parts = urlsplit(url)
    is_local = parts.hostname in LOOPBACK_HOSTS

    def accept(address: Address) -> bool:
        mapped = getattr(address, "ipv4_mapped", None)
        real = address if mapped is None else mapped
        if is_local:
            return real.is_loopback
        return not (real.is_loopback or real.is_link_local or real.is_multicast or real.is_unspecified)

    return accept
