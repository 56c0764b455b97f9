"""A sign-in that has begun: what the browser holds of it meanwhile, and what the provider is sent.

The browser holds a random text, a time and where it wanted to go, sealed with a key of the service. State, nonce and
PKCE verifier are derived from the random text with the same key. So the service keeps nothing of sign-ins that
strangers begin, any node finishes those of another, and the verifier leaves the service only with the code.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

from msgspec import Struct

# A person signs in to the provider meanwhile, perhaps with a second factor that has to be found first.
LIFE_S: Final = 600
# Longer addresses do not fit into a cookie; who asked for one comes to the first page.
_TARGET_BYTES_MAX: Final = 2_000
_COOKIE: Final = re.compile(r"([A-Za-z0-9_-]{43})\.([0-9]{1,15})\.([A-Za-z0-9_-]*)\.([0-9a-f]{64})")


class Pending(Struct, frozen=True):
    """A sign-in of one browser. `target` is the page that it asked for."""

    state: str
    nonce: str
    verifier: str
    target: str

    def __repr__(self) -> str:
        """Nothing of it, because reprs end up in logs."""
        return "Pending()"

    @property
    def challenge(self) -> str:
        """The PKCE challenge of the verifier, by S256."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())


def begin(key: bytes, target: str, now_ms: int) -> tuple[Pending, str]:
    """A new sign-in, and the value of its cookie."""
    random = secrets.token_urlsafe(32)
    kept = target if len(target.encode()) <= _TARGET_BYTES_MAX else ""
    sealed = f"{random}.{now_ms}.{_base64(kept.encode())}"
    return _derive(key, random, kept), f"{sealed}.{_seal(key, sealed)}"


def find(key: bytes, cookie: str, now_ms: int) -> Pending | None:
    """The sign-in that a browser holds; None when it holds none of ours, or an old one."""
    found = _COOKIE.fullmatch(cookie)
    if found is None:
        return None
    random, begun, target, seal = found.groups()
    if not hmac.compare_digest(_seal(key, cookie.rpartition(".")[0]), seal):
        return None
    if not 0 <= now_ms - int(begun) < LIFE_S * 1000:
        return None
    return _derive(key, random, base64.urlsafe_b64decode(target + "=" * (-len(target) % 4)).decode())


def _derive(key: bytes, random: str, target: str) -> Pending:
    state, nonce, verifier = (
        _base64(hmac.digest(key, f"{purpose}:{random}".encode(), hashlib.sha256))
        for purpose in ("state", "nonce", "verifier")
    )
    return Pending(state, nonce, verifier, target)


def _seal(key: bytes, text: str) -> str:
    return hmac.digest(key, f"cookie:{text}".encode(), hashlib.sha256).hex()


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
