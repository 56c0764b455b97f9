"""The budget of bytes in flight, one for each web process: of long bodies, and of long answers that nobody takes."""

import contextlib
from collections.abc import Callable, Iterator

from footfall.errors import Code, RequestRefused

# Bodies and answers up to so many bytes are taken whatever others send: the answer to a body so short stays below what
# a connection holds before it stops reading, so that nothing waits for the clients of ordinary requests.
SHORT_BYTES_MAX = 16 * 1024
# Seconds after which a client should try again.
RETRY_AFTER_S = 1


class Budget:
    """Counts the bytes that are held for clients, all and those of each sender.

    A sender, which is a network, may hold as many bytes as are left: one alone half of `bytes_max`, two that hold all
    they can a third each. So no sender, nor any few, can keep the others out. More than `bytes_max` is held at times:
    by the last piece or answer that was taken, and by short ones, which are never refused.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.held_bytes = 0
        self._by_sender: dict[str, int] = {}

    def admit(self, size_bytes: int, find_sender: Callable[[], str]) -> None:
        """Raise RequestRefused when the sender holds as much as is left, unless the body or answer is a short one."""
        if size_bytes > SHORT_BYTES_MAX and not self.has_room(find_sender):
            text = "too many bytes of requests and of their answers are in flight"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)

    def has_room(self, find_sender: Callable[[], str]) -> bool:
        """Whether the sender holds less than is left.

        While less than half of all is held, nobody can hold as much as is left, and the sender need not be known.
        """
        if 2 * self.held_bytes < self._bytes_max:
            return True
        return self._by_sender.get(find_sender(), 0) < self._bytes_max - self.held_bytes

    def hold(self, sender: str, more_bytes: int) -> None:
        """Count more bytes that are held for a sender, or fewer when the number is negative."""
        self.held_bytes += more_bytes
        held_bytes = self._by_sender.pop(sender, 0) + more_bytes
        if held_bytes:
            self._by_sender[sender] = held_bytes

    @contextlib.contextmanager
    def holding(self, answer: bytes, find_network: Callable[[], str]) -> Iterator[None]:
        """Count an answer in the budget until the end of the block; a short body may have a long one.

        Raises RequestRefused when the sender holds too much already.
        """
        self.admit(len(answer), find_network)
        if len(answer) <= SHORT_BYTES_MAX:
            yield
            return
        network = find_network()
        self.hold(network, len(answer))
        try:
            yield
        finally:
            self.hold(network, -len(answer))
