"""Computes argon2id hashes: few at once, in threads, with a bounded queue before them that is fair by network."""

import base64
import os
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from footfall.lane import Lane

Answer = TypeVar("Answer")


class Hashing:
    """Hashes and verifies passwords, at most `at_once_max` at the same time for those who use `run`."""

    def __init__(self, at_once_max: int, waiting_max: int, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._hash_of_nobody = _make_hash_of_nobody(hasher)
        self._lane = Lane("password", at_once_max, waiting_max)

    def close(self) -> None:
        self._lane.close()

    async def run(self, work: Callable[[], Answer], network: str) -> Answer:
        """Do the work in one of the threads. Raises RequestRefused when too many wait already.

        Networks take turns, so that a flood of guesses from one keeps nobody elsewhere from signing in.
        """
        return await self._lane.run(work, network)

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
