"""Passwords: which may be chosen, by whom, and how their hashes are computed."""

import base64
import os
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from footfall.settings import limits
from footfall.system.executor import BoundedExecutor

# What may be a user's id, password and so on; anything else is BadUser, with words for the person who chose it.


USER_ID_CHARS_MAX = 200
# Ten characters cannot be guessed at the rate that the failure limit allows.
PASSWORD_CHARS_MIN = 10
# Room for any passphrase; a hash's cost must not be the sender's choice.
PASSWORD_BYTES_MAX = 1_024
# Context and permissions are handed to clients as they are.
TEXT_CHARS_MAX = 1_000


class BadUser(Exception):
    """A user cannot be made like this; the text says what to change."""


def normalize(text: str) -> str:
    """One form for what looks the same: keyboards disagree on how to write an accent."""
    return unicodedata.normalize("NFC", text)


def is_user_id(user_id: str) -> bool:
    return 1 <= len(user_id) <= USER_ID_CHARS_MAX and user_id.isprintable() and ":" not in user_id


def is_password(password: str) -> bool:
    """Whether this can be anybody's password; short ones can, from before the least length was raised."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        return False
    return len(password.encode()) <= PASSWORD_BYTES_MAX


def check_user_id(user_id: str) -> None:
    if not is_user_id(user_id):
        raise BadUser(f'a user id has 1 to {USER_ID_CHARS_MAX} printable characters, none of them ":"')


def check_password(password: str) -> None:
    if len(password) < PASSWORD_CHARS_MIN:
        raise BadUser(f"a password has at least {PASSWORD_CHARS_MIN} characters")
    if not is_password(password):
        raise BadUser(f"a password has at most {PASSWORD_BYTES_MAX} bytes of UTF-8 and no control characters")


def check_details(context: str, permissions: str | None, customers: tuple[str, ...]) -> None:
    for name, text in (("context", context), ("permissions", permissions or "")):
        if len(text) > TEXT_CHARS_MAX or not text.isprintable():
            raise BadUser(f"{name} has at most {TEXT_CHARS_MAX} printable characters")
    for customer in customers:
        if not 1 <= len(customer) <= limits.CODE_CHARS_MAX or not customer.isprintable():
            raise BadUser(f"a customer's code has 1 to {limits.CODE_CHARS_MAX} printable characters")


# Computes argon2id hashes: few at once, in threads, with a bounded queue before them that is fair by network.


Answer = TypeVar("Answer")


class Hashing:
    """Hashes and verifies passwords, at most `at_once_max` at the same time for those who use `run`."""

    def __init__(self, at_once_max: int, waiting_max: int, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._hash_of_nobody = _make_hash_of_nobody(hasher)
        self._executor = BoundedExecutor("password", at_once_max, waiting_max)

    def close(self) -> None:
        self._executor.close()

    async def run(self, work: Callable[[], Answer], network: str) -> Answer:
        """Do the work in one of the threads. Raises RequestRefused when too many wait already.

        Networks take turns, so that a flood of guesses from one keeps nobody elsewhere from signing in.
        """
        return await self._executor.run(work, network)

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(password_hash)

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password made the hash; None is nobody's, costs the same and is False.

        Raises argon2's InvalidHashError where the hash is none.
        """
        try:
            self._hasher.verify(password_hash or self._hash_of_nobody, password)
        except VerifyMismatchError:
            return False
        return password_hash is not None


def _make_hash_of_nobody(hasher: PasswordHasher) -> str:
    """A hash that no password made, in the form of one: its check costs what any other check costs."""
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${parameters}${_random(hasher.salt_len)}${_random(hasher.hash_len)}"


def _random(size: int) -> str:
    return base64.b64encode(os.urandom(size)).decode().rstrip("=")
