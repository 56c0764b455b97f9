"""Write keys: the keys of programs that send events, held in memory so that no event waits for the database."""

import logging
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from footfall.accounts.credentials import parse_key
from footfall.accounts.keys import USE_PERIOD_MS, is_key, key_digest
from footfall.accounts.rights import KeyedUser, may_see, narrow
from footfall.state import State, StateUnavailable
from footfall.system.clock import Clock

log = logging.getLogger(__name__)

# The parameter of a URL that has a key, for what cannot send headers, such as `navigator.sendBeacon`.
PARAMETER: Final = b"key"


class WriteKey(Struct, frozen=True):
    """A key with the scope `send`, and the rights that its user has through it; `id` is not secret."""

    id: str
    user: KeyedUser
    expires_ms: int | None

    def may_send(self, customer: str, product: str) -> bool:
        """Whether events of this customer's product may come with it."""
        return may_see(self.user, customer, product)


class SentKey(Struct, frozen=True):
    """The digest of a key that a request was sent with; as a Basic password, it must be a key of the user `user_id`."""

    digest: str
    user_id: str | None = None

    def __repr__(self) -> str:
        """Without the digest, because reprs end up in logs."""
        return f"SentKey(user_id={self.user_id!r})"


class WriteKeys:
    """All write keys, by the digests of their texts; one serves all requests of a process.

    `refresh` reads them anew, so that a key which was made, rotated or revoked is known so after one period. A key that
    expires ends by the clock. While the state is away, the keys stay as they were read last: events need nothing but a
    disk.
    """

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._keys: dict[str, WriteKey] = {}
        # By id, when the last use was noted; and the keys that were used since the last refresh.
        self._noted_ms: dict[str, int] = {}
        self._used: set[str] = set()

    def find(self, sent: SentKey) -> WriteKey | None:
        """The key that was sent; None when there is none such, or it has ended."""
        key = self._keys.get(sent.digest)
        if key is None or (key.expires_ms is not None and key.expires_ms <= self._clock.now_ms()):
            return None
        if sent.user_id is not None and sent.user_id != key.user.id:
            return None
        self._used.add(key.id)
        return key

    def refresh(self) -> None:
        """Read the keys, and note those that were used, each once a minute. Blocks. Raises StateUnavailable."""
        now_ms = self._clock.now_ms()
        found = self._state.keys.sending(now_ms)
        self._keys = {key.digest: WriteKey(key.id, narrow(user, key), key.expires_ms) for user, key in found}
        used, self._used = self._used, set()
        known = {key.id: max(key.used_ms or 0, self._noted_ms.get(key.id, 0)) for _, key in found}
        self._noted_ms = {}
        for key_id in used & known.keys():
            if now_ms - known[key_id] < USE_PERIOD_MS:
                self._noted_ms[key_id] = known[key_id]
                continue
            try:
                self._state.keys.note_use(key_id, now_ms, USE_PERIOD_MS)
                self._noted_ms[key_id] = now_ms
            except StateUnavailable as error:
                log.warning("the last use of key %s is not noted now: %s", key_id, error)


def sent_key(headers: Sequence[tuple[bytes, bytes]], query: bytes) -> SentKey | None:
    """The key that a request has in its `Authorization`, or else in its URL.

    Browsers add a remembered name and password to what any page sends. So a page's Basic authentication is no key.
    """
    is_page = any(name == b"origin" for name, _ in headers)
    for name, value in headers:
        found = parse_key(value.decode("latin-1")) if name == b"authorization" else None
        if found is not None and (found.user_id is None or not is_page):
            return SentKey(key_digest(found.text), found.user_id)
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == PARAMETER and is_key(text := value.decode("latin-1")):
            return SentKey(key_digest(text))
    return None
