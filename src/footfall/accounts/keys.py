"""Keys for programs: their text, how they are found, and their life: issued, rotated, revoked, expired.

A key is `footfall_ID_SECRET`. The secret is 256 random bits, so SHA-256 is the right hash to keep: nobody can try
2^256 secrets, however fast each try is, and a fast hash costs no memory and no queue at each request. Passwords are
chosen by people and can be guessed, so they keep argon2id. The key is looked up by the digest of its whole text. A
guesser does not know the digests, so that the time of an answer tells neither which keys nor which users there are.
"""

import hashlib
import logging
import re
import secrets
import string
import threading
from collections import OrderedDict
from typing import Final

from msgspec import Struct

from footfall.accounts.passwords import normalize
from footfall.accounts.rights import KeyedUser, KeyScope, has_scope, may_see, narrow
from footfall.settings import Settings, limits
from footfall.state import ApiKey, State, StateUnavailable, User
from footfall.system.clock import Clock

ID_CHARS: Final = 10
# 43 of 62 characters are 256 bits.
SECRET_CHARS: Final = 43
NAME_CHARS_MAX: Final = 200
CODES_MAX: Final = 100
# How exact the last use is, and for how long an expired key is listed.
USE_PERIOD_MS: Final = 60_000
LISTED_EXPIRED_MS: Final = 30 * 86_400_000
DAY_MS: Final = 86_400_000
_KEY: Final = re.compile(rf"footfall_([a-z0-9]{{{ID_CHARS}}})_[A-Za-z0-9]{{{SECRET_CHARS}}}")
_ID_ALPHABET: Final = string.ascii_lowercase + string.digits
_SECRET_ALPHABET: Final = string.ascii_letters + string.digits
# Keys of which a process remembers when it last noted their use.
_NOTED_MAX: Final = 10_000

_log = logging.getLogger(__name__)


class BadKey(Exception):
    """A key cannot be made like this; the text says what to change."""


class WantedKey(Struct, frozen=True, kw_only=True):
    """What a new key is to have; without `customers` those of its user, without `products` all, without `days` no end.

    `days` is its life in days of 24 hours.
    """

    name: str
    scopes: tuple[str, ...]
    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    days: int | None = None


class IssuedKey(Struct, frozen=True):
    """A key with its text, which is shown once."""

    key: ApiKey
    text: str

    def __repr__(self) -> str:
        """The key without its text, because reprs end up in logs."""
        return f"IssuedKey(key={self.key!r})"


def is_key(text: str) -> bool:
    """Whether this has the form of a key."""
    return _KEY.fullmatch(text) is not None


def key_digest(text: str) -> str:
    """The SHA-256 of a key's text in hex, by which it is found."""
    return hashlib.sha256(text.encode()).hexdigest()


class Keys:
    """The keys in the state. One serves all requests of a process; its calls block."""

    def __init__(self, state: State, settings: Settings, clock: Clock) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._noted: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def authenticate(self, text: str) -> KeyedUser | None:
        """The user of a key, with the rights of both; None when there is no such key any more."""
        found = self._state.keys.find(key_digest(text)) if is_key(text) else None
        if found is None or _is_over(found[1], self._clock.now_ms()):
            return None
        user, key = found
        self._note_use(key)
        return narrow(user, key)

    def issue(self, user: User, wanted: WantedKey, by: User | None = None) -> IssuedKey:
        """Make a key of a user.

        With `by` it gets no right that this one lacks. Raises BadKey, and footfall.state's TooManyKeys.
        """
        now_ms = self._clock.now_ms()
        issued = self._make(user.account, self._checked(user, wanted, by), now_ms, None)
        self._state.keys.add(issued.key, self._settings.keys_max, now_ms - LISTED_EXPIRED_MS)
        return issued

    def rotate(self, key: ApiKey, overlap_s: int, by: User | None = None) -> IssuedKey | None:
        """A key in place of another, with the same rights and as long a life; the other ends after `overlap_s`.

        It lives no longer than keys may now, whatever was allowed when the other was made.

        None when there is no such key any more. Raises BadKey when it has expired, or has a scope that `by` lacks, and
        footfall.state's TooManyKeys.
        """
        now_ms = self._clock.now_ms()
        _check_scopes(key.scopes, by)
        if _is_over(key, now_ms):
            raise BadKey("the key has expired: make another one")
        days = None if key.expires_ms is None else max(1, round((key.expires_ms - key.created_ms) / DAY_MS))
        if most := self._settings.key_days_max:
            days = most if days is None else min(days, most)
        same = WantedKey(name=key.name, scopes=key.scopes, customers=key.customers, products=key.products, days=days)
        issued = self._make(key.account, same, now_ms, key.id)
        until_ms = now_ms + overlap_s * 1000
        return issued if self._state.keys.rotate(issued.key, until_ms, self._settings.keys_max) else None

    def get(self, key_id: str) -> tuple[User, ApiKey] | None:
        """The key with this id and its user."""
        return self._state.keys.get(key_id)

    def page(self, account: str | None, after: str, limit: int) -> list[tuple[User, ApiKey]]:
        """Keys of an account, or of all, ordered by id: those after `after`."""
        return self._state.keys.page(account, after, limit)

    def revoke(self, key_id: str) -> bool:
        """End a key, from the next request on; False when there is none."""
        return self._state.keys.remove(key_id)

    def _note_use(self, key: ApiKey) -> None:
        """Keep the time of the use, at most once a minute. A state that cannot be written to ends no request."""
        now_ms = self._clock.now_ms()
        with self._lock:
            known_ms = max(self._noted.get(key.id, 0), key.used_ms or 0)
            if now_ms - known_ms < USE_PERIOD_MS:
                return
            self._noted[key.id] = now_ms
            self._noted.move_to_end(key.id)
            while len(self._noted) > _NOTED_MAX:
                self._noted.popitem(last=False)
        try:
            self._state.keys.note_use(key.id, now_ms, USE_PERIOD_MS)
        except StateUnavailable as error:
            _log.warning("the last use of key %s is not noted now: %s", key.id, error)

    def _make(self, account: str, wanted: WantedKey, now_ms: int, replaces: str | None) -> IssuedKey:
        key_id = _random(_ID_ALPHABET, ID_CHARS)
        text = f"footfall_{key_id}_{_random(_SECRET_ALPHABET, SECRET_CHARS)}"
        key = ApiKey(
            id=key_id,
            account=account,
            name=wanted.name,
            digest=key_digest(text),
            scopes=wanted.scopes,
            customers=wanted.customers,
            products=wanted.products,
            created_ms=now_ms,
            expires_ms=None if wanted.days is None else now_ms + wanted.days * DAY_MS,
            replaces=replaces,
        )
        return IssuedKey(key, text)

    def _checked(self, user: User, wanted: WantedKey, by: User | None) -> WantedKey:
        """The wanted key in one form: scopes in their order, no code twice. Raises BadKey."""
        scopes = tuple(scope.value for scope in KeyScope if scope in wanted.scopes)
        unknown = [scope for scope in wanted.scopes if scope not in scopes]
        if unknown or not scopes:
            raise BadKey(f"a key has one or more of the scopes {', '.join(KeyScope)}")
        checked = WantedKey(
            name=normalize(wanted.name),
            scopes=scopes,
            customers=tuple(dict.fromkeys(wanted.customers)),
            products=tuple(dict.fromkeys(wanted.products)),
            days=wanted.days,
        )
        _check_words(checked)
        _check_rights(user, checked, by)
        most = self._settings.key_days_max
        if most and (wanted.days is None or wanted.days > most):
            raise BadKey(f"a key ends after {most} days at the most: say after how many")
        if wanted.days is not None and not 1 <= wanted.days <= limits.KEY_DAYS_MOST:
            raise BadKey(f"a key's life is of 1 to {limits.KEY_DAYS_MOST} days")
        return checked


def find_again(state: State, user: User, now_ms: int) -> User | None:
    """A signed-in user with the rights of now; None when they were removed, or their key has ended."""
    if not isinstance(user, KeyedUser):
        return state.users.with_account(user.account)
    found = state.keys.get(user.key)
    return None if found is None or _is_over(found[1], now_ms) else narrow(*found)


def _is_over(key: ApiKey, now_ms: int) -> bool:
    return key.expires_ms is not None and key.expires_ms <= now_ms


def _check_words(wanted: WantedKey) -> None:
    if not 1 <= len(wanted.name) <= NAME_CHARS_MAX or not wanted.name.isprintable():
        raise BadKey(f"a key's name has 1 to {NAME_CHARS_MAX} printable characters")
    for what, codes in (("customers", wanted.customers), ("products", wanted.products)):
        if len(codes) > CODES_MAX:
            raise BadKey(f"a key names at most {CODES_MAX} {what}")
        if any(not 1 <= len(code) <= limits.CODE_CHARS_MAX or not code.isprintable() for code in codes):
            raise BadKey(f"the codes of {what} have 1 to {limits.CODE_CHARS_MAX} printable characters")


def _check_rights(user: User, wanted: WantedKey, by: User | None) -> None:
    """Refuse a key with a right that its user, or who makes it, does not have. Raises BadKey."""
    if KeyScope.ADMIN in wanted.scopes and (wanted.customers or wanted.products):
        raise BadKey("the scope admin is for all customers and products: leave these out, or make two keys")
    if unseen := [code for code in wanted.customers if not may_see(user, code)]:
        raise BadKey(f"user {user.id!r} does not see {', '.join(unseen)}")
    _check_scopes(wanted.scopes, by)


def _check_scopes(scopes: tuple[str, ...], by: User | None) -> None:
    """Refuse scopes that the key of who makes the key lacks. Raises BadKey.

    Only a key with the scope admin makes keys, and that is for all customers and products.
    """
    if by is not None and (lacking := [scope for scope in scopes if not has_scope(by, (scope,))]):
        raise BadKey(f"the key that you signed in with has not the scope {', '.join(lacking)}")


def _random(alphabet: str, chars: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(chars))
