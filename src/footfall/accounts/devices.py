"""Browsers in which a user has signed in before: failures of others in the same network do not lock these out.

Failed sign-ins are counted for each user and network, so that a guesser waits and everybody elsewhere goes on. Whoever
shares a network with the guesser, such as an office behind one address, would wait too. A browser that signed in once
therefore keeps a mark, and its failures are counted by themselves. The mark signs nobody in: it has no right but that
of being counted alone, and it is worth nothing for another user.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final

from footfall.state import State, User

_NONCE_BYTES: Final = 16
_MARK: Final = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")


class KnownDevices:
    """Makes and recognises marks; nothing of them is kept. The calls block."""

    def __init__(self, state: State) -> None:
        self._state = state

    def mark(self, user: User) -> str:
        """A mark for the browser in which the user has just signed in."""
        nonce = secrets.token_hex(_NONCE_BYTES)
        return f"{nonce}.{self._sign(user.account, nonce)}"

    def place(self, mark: str, user_id: str) -> str | None:
        """What the failures of a marked browser are counted by; None where the mark is none of this user's."""
        found = _MARK.fullmatch(mark)
        user = self._state.users.get(user_id) if found else None
        # Compared for nobody too: the time must not tell who exists.
        signature = self._sign("" if user is None else user.account, found[1]) if found else ""
        if found is None or not hmac.compare_digest(signature, found[2]) or user is None:
            return None
        return f"device {found[1]}"

    def _sign(self, account: str, nonce: str) -> str:
        key = self._state.secrets.get("devices")
        return hmac.digest(key, f"{account}:{nonce}".encode(), hashlib.sha256).hex()
