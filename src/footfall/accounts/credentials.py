"""Credentials of Basic authentication: reading them from a request, and remembering which were verified."""

import base64
import hashlib
import hmac
import os
import threading
from collections import OrderedDict

from msgspec import Struct

from footfall.accounts.passwords import is_password, is_user_id, normalize
from footfall.system.clock import Clock

# Reads the Authorization header of Basic authentication (RFC 7617, in UTF-8).


# More than any user's id and password take in whatever form; all headers together have no more at many servers.
_TOKEN_CHARS_MAX = 8_192


class Credentials(Struct, frozen=True):
    """What somebody signs in with."""

    user_id: str
    password: str

    def __repr__(self) -> str:
        """The credentials without the password, because reprs end up in logs."""
        return f"Credentials(user_id={self.user_id!r})"


def parse_authorization(authorization: str | None) -> Credentials | None:
    """The header's credentials, or None where nobody can have such; the base64's padding does not matter."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip().rstrip("=")
    if scheme.lower() != "basic" or len(token) > _TOKEN_CHARS_MAX:
        return None
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode()
    except ValueError:
        return None
    user_id, colon, password = decoded.partition(":")
    credentials = Credentials(normalize(user_id), normalize(password))
    if not colon or not is_user_id(credentials.user_id) or not is_password(credentials.password):
        return None
    return credentials


# Remembers which credentials were verified, so that a client's next request needs no hash.


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
