"""Credentials of a header: Basic (RFC 7617, in UTF-8) with a password or a key, or a key as Bearer (RFC 6750).

Verified passwords are remembered.
"""

import base64
import hashlib
import hmac
import os
import threading
from collections import OrderedDict

from msgspec import Struct

from footfall.accounts.keys import is_key
from footfall.accounts.passwords import is_password, is_user_id, normalize
from footfall.system.clock import Clock

# More than any id and password take; many servers allow no more for all headers together.
_TOKEN_CHARS_MAX = 8_192


class Credentials(Struct, frozen=True):
    """A user's id and password."""

    user_id: str
    password: str

    def __repr__(self) -> str:
        """The credentials without the password, because reprs end up in logs."""
        return f"Credentials(user_id={self.user_id!r})"


def parse_authorization(authorization: str | None) -> Credentials | None:
    """The header's credentials, or None when no user can have them; the base64 may lack its padding."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip().rstrip("=")
    if scheme.lower() != "basic" or len(token) > _TOKEN_CHARS_MAX:
        return None
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode()
    except ValueError:
        return None
    user_id, colon, password = decoded.partition(":")
    return make_credentials(user_id, password) if colon else None


def make_credentials(user_id: str, password: str) -> Credentials | None:
    """An id and a password as they are compared; None when no user can have them."""
    credentials = Credentials(normalize(user_id), normalize(password))
    if not is_user_id(credentials.user_id) or not is_password(credentials.password):
        return None
    return credentials


class PresentedKey(Struct, frozen=True):
    """What has the form of a key; sent as a Basic password, it must be a key of the user `user_id`."""

    text: str
    user_id: str | None = None

    def __repr__(self) -> str:
        """Without the key, because reprs end up in logs."""
        return f"PresentedKey(user_id={self.user_id!r})"


def parse_key(authorization: str | None) -> PresentedKey | None:
    """The key that the header has; None when it has none. No password has the form of a key."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() == "bearer":
        text = token.strip()
        return PresentedKey(text) if is_key(text) else None
    credentials = parse_authorization(authorization)
    if credentials is None or not is_key(credentials.password):
        return None
    return PresentedKey(credentials.password, credentials.user_id)


class VerifiedCache:
    """Verified credentials, so that a client's next request needs no hash: each for `ttl_ms` from its last use.

    At most `entries_max` are kept. An entry is the HMAC of the credentials, under a key that only this process has, and
    the user's password hash; it counts only while the user still has that hash.
    """

    def __init__(self, ttl_ms: int, entries_max: int, clock: Clock) -> None:
        self._ttl_ms = ttl_ms
        self._entries_max = entries_max
        self._clock = clock
        self._key = os.urandom(32)
        self._entries: OrderedDict[bytes, tuple[str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, credentials: Credentials) -> bool:
        """Whether `holds` may say yes: a guess is not in the cache, and need not cost a query of the user."""
        digest = self._digest(credentials)
        with self._lock:
            return digest in self._entries

    def holds(self, credentials: Credentials, password_hash: str) -> bool:
        """Whether these credentials were verified against this hash, and used within `ttl_ms`."""
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
