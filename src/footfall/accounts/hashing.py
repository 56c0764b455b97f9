"""Computes argon2id hashes: few at once, in threads, with a bounded queue before them."""

import asyncio
import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from footfall.errors import Code, RequestRefused

# Requests that wait for a hash; a hundred of them wait for some seconds, and more would wait for nothing.
WAITING_MAX = 100

Answer = TypeVar("Answer")


class Hashing:
    """Hashes and verifies passwords, at most `at_once_max` at the same time for those who use `run`."""

    def __init__(self, at_once_max: int, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._hash_of_nobody = _make_hash_of_nobody(hasher)
        self._pending_max = at_once_max + WAITING_MAX
        self._pending = 0
        # The number of its threads is the bound. A semaphore would not do: who goes away while his hash is being
        # computed would free his place, and the thread would go on.
        self._threads = ThreadPoolExecutor(at_once_max, thread_name_prefix="password")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Do the work in one of the threads. Raises RequestRefused when too many wait already."""
        if self._pending >= self._pending_max:
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, "too many sign-ins at once", retry_after_s=1)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1

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
