"""Remembers which credentials were verified, so that a client's next request needs no hash."""

import hashlib
import hmac
import os
import threading
from collections import OrderedDict

from footfall.accounts.basic import Credentials
from footfall.clock import Clock


class VerifiedCache:
    """The last verified credentials, each for `ttl_ms` from its last use, at most `entries_max` of them.

    A client that goes on never waits for a second hash, whoever else signs in. Nothing is lost by that: an entry counts
    only while the user has the very hash that it was verified against. It is the HMAC of the credentials under a key
    that only this process has, and that hash.
    """

    def __init__(self, ttl_ms: int, entries_max: int, clock: Clock) -> None:
        self._ttl_ms = ttl_ms
        self._entries_max = entries_max
        self._clock = clock
        self._key = os.urandom(32)
        self._entries: OrderedDict[bytes, tuple[str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, credentials: Credentials) -> bool:
        """Whether `holds` may say yes: a guess is not known, and need not cost a look at the user."""
        digest = self._digest(credentials)
        with self._lock:
            return digest in self._entries

    def holds(self, credentials: Credentials, password_hash: str) -> bool:
        """Whether these credentials were verified against this very hash, and used a short time ago."""
        digest, now_ms = self._digest(credentials), self._clock.now_ms()
        with self._lock:
            entry = self._entries.get(digest)
            if entry is None:
                return False
            verified_hash, until_ms = entry
            if verified_hash == password_hash and now_ms < until_ms:
                self._entries[digest] = (verified_hash, now_ms + self._ttl_ms)
                self._entries.move_to_end(digest)
                return True
            del self._entries[digest]
            return False

    def put(self, credentials: Credentials, password_hash: str) -> None:
        digest = self._digest(credentials)
        with self._lock:
            self._entries[digest] = (password_hash, self._clock.now_ms() + self._ttl_ms)
            self._entries.move_to_end(digest)
            while len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)

    def _digest(self, credentials: Credentials) -> bytes:
        # An id has no colon, so this text is of one id and one password only.
        text = f"{credentials.user_id}:{credentials.password}"
        return hmac.digest(self._key, text.encode(), hashlib.sha256)
