"""Which ids and passwords users may have, and how hashes (argon2id) are computed and verified."""

import base64
import os
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from footfall.settings import limits
from footfall.system.executor import BoundedExecutor

USER_ID_CHARS_MAX = 200
# Ten characters cannot be guessed at the rate that the failure limit allows.
PASSWORD_CHARS_MIN = 10
# Guesses that whoever tries common passwords first needs at least. The failure limit lets 20 be tried a minute from a
# network, which makes that ten years; with a stolen hash, at 50 ms a guess, they take two months of a core.
GUESSES_MIN = 10**8
# The estimate takes longer than in proportion to the length; more than so many characters are good if these are.
_ESTIMATED_CHARS_MAX = 72
# Enough for any passphrase; the sender must not choose the cost of a hash.
PASSWORD_BYTES_MAX = 1_024
# Context and permissions are handed to clients as they are.
TEXT_CHARS_MAX = 1_000


class BadUser(Exception):
    """A user cannot have these details; the text says what to change."""


def normalize(text: str) -> str:
    """The text in Unicode's form NFC: keyboards differ in how they write an accent."""
    return unicodedata.normalize("NFC", text)


def is_user_id(user_id: str) -> bool:
    return 1 <= len(user_id) <= USER_ID_CHARS_MAX and user_id.isprintable() and ":" not in user_id


def is_password(password: str) -> bool:
    """Whether this can be a user's password; short ones can be, from before the minimum was raised."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        return False
    return len(password.encode()) <= PASSWORD_BYTES_MAX


def check_user_id(user_id: str) -> None:
    if not is_user_id(user_id):
        raise BadUser(f'a user id has 1 to {USER_ID_CHARS_MAX} printable characters, none of them ":"')


def check_password(password: str, user_id: str = "") -> None:
    """Refuse a new password that is too short, cannot be one, or is soon guessed. Raises BadUser."""
    if len(password) < PASSWORD_CHARS_MIN:
        raise BadUser(f"a password has at least {PASSWORD_CHARS_MIN} characters")
    if not is_password(password):
        raise BadUser(f"a password has at most {PASSWORD_BYTES_MAX} bytes of UTF-8 and no control characters")
    _check_guesses(password, user_id)


def _check_guesses(password: str, user_id: str) -> None:
    """Refuse a password that who tries common ones first finds soon: a word of the lists, a pattern, the user's name.

    The lists (30,000 common passwords, English words, names) and the estimate are those of the package zxcvbn. It takes
    0.2 s to load, so that only what sets a password does.
    """
    from zxcvbn import zxcvbn  # noqa: PLC0415

    found = zxcvbn(password[:_ESTIMATED_CHARS_MAX], user_inputs=["footfall", user_id])
    if found["guesses"] < GUESSES_MIN:
        hints = [found["feedback"]["warning"], *found["feedback"]["suggestions"]]
        why = " ".join(hint for hint in hints if hint)
        raise BadUser(f"the password is soon guessed, as common ones are tried first: take a few unusual words. {why}")


def check_details(context: str, permissions: str | None, customers: tuple[str, ...]) -> None:
    for name, text in (("context", context), ("permissions", permissions or "")):
        if len(text) > TEXT_CHARS_MAX or not text.isprintable():
            raise BadUser(f"{name} has at most {TEXT_CHARS_MAX} printable characters")
    for customer in customers:
        if not 1 <= len(customer) <= limits.CODE_CHARS_MAX or not customer.isprintable():
            raise BadUser(f"a customer's code has 1 to {limits.CODE_CHARS_MAX} printable characters")


Answer = TypeVar("Answer")


class Hashing:
    """Hashes and verifies passwords, at most `at_once_max` at the same time for those who use `run`."""

    def __init__(self, at_once_max: int, waiting_max: int, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._dummy_hash = _make_dummy_hash(hasher)
        self._executor = BoundedExecutor("password", at_once_max, waiting_max)

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._executor.waiting

    def close(self) -> None:
        self._executor.close()

    async def run(self, work: Callable[[], Answer], network: str) -> Answer:
        """Run the work on one of the threads. Raises RequestRefused when too many wait already.

        Networks take turns, so that a flood of guesses from one keeps nobody elsewhere from signing in.
        """
        return await self._executor.run(work, network)

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def unusable(self) -> str:
        """A hash of a password that nobody has."""
        return _make_dummy_hash(self._hasher)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(password_hash)

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the hash is of this password; None, for no user, costs the same and is False.

        Raises argon2's InvalidHashError when the hash cannot be read.
        """
        try:
            self._hasher.verify(password_hash or self._dummy_hash, password)
        except VerifyMismatchError:
            return False
        return password_hash is not None


def _make_dummy_hash(hasher: PasswordHasher) -> str:
    """A random hash of no password: to verify it costs the same as any other."""
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${parameters}${_random(hasher.salt_len)}${_random(hasher.hash_len)}"


def _random(size: int) -> str:
    return base64.b64encode(os.urandom(size)).decode().rstrip("=")
