"""Connections that threads share, each made once for all who want it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Use = TypeVar("Use")
Connection = TypeVar("Connection")


class Connections(Generic[Use, Connection]):
    """One connection for each use, made when it is first wanted; thread-safe.

    It is made outside the lock, by the first who wants it, and the others wait for that same attempt, however it ends:
    where the other side swallows what is sent to it, all wait for one timeout, and not each behind the other.
    """

    def __init__(self, connect: Callable[[Use], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._made: dict[Use, Connection] = {}
        self._attempts: dict[Use, Future[Connection]] = {}

    def get(self, use: Use) -> Connection:
        """The connection for this use; raises what making it raises."""
        with self._lock:
            if use in self._made:
                return self._made[use]
            attempt = self._attempts.get(use)
            is_first = attempt is None
            attempt = attempt or self._attempts.setdefault(use, Future())
        return self._make(use, attempt) if is_first else attempt.result()

    def drop(self, use: Use, connection: Connection) -> None:
        """Forget this connection, so that the next who wants one makes it; nothing happens where it is another."""
        with self._lock:
            if self._made.get(use) is connection:
                del self._made[use]

    def drop_all(self) -> list[Connection]:
        """Forget all connections, and keep none whose making has begun; gives those that were there."""
        with self._lock:
            made = list(self._made.values())
            self._made.clear()
            self._attempts.clear()
        return made

    def _make(self, use: Use, attempt: Future[Connection]) -> Connection:
        try:
            connection = self._connect(use)
        except BaseException as error:
            with self._lock:
                self._end(use, attempt)
            attempt.set_exception(error)
            raise
        with self._lock:
            if self._end(use, attempt):
                self._made[use] = connection
        attempt.set_result(connection)
        return connection

    def _end(self, use: Use, attempt: Future[Connection]) -> bool:
        """Whether the attempt counts: those before `drop_all` do not."""
        if self._attempts.get(use) is not attempt:
            return False
        del self._attempts[use]
        return True
