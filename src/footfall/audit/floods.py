"""Keeps failed sign-ins from filling the log: what a minute has more than once, or too much of, is added up."""

from collections import Counter
from typing import Final

from footfall.audit.event import AuditEvent

# Pairs of user and network that have entries of their own in a minute.
PAIRS_MAX: Final = 60


class Floods:
    """The failed sign-ins since the last `drain`; belongs to one event loop.

    The first of a user and a network has an entry at once; all further ones are one entry at the next `drain`. Of more
    than PAIRS_MAX pairs the rest are one entry together. So a process writes at most 2 * PAIRS_MAX + 1 entries between
    two calls of `drain`, whatever strangers do.
    """

    def __init__(self) -> None:
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._addresses: dict[tuple[str, str], str] = {}
        self._others = 0

    def add(self, who: str, network: str, address: str) -> AuditEvent | None:
        """Count a failure; returns the entry that it has of its own."""
        pair = (who, network)
        if pair in self._pairs:
            self._pairs[pair] += 1
            return None
        if len(self._pairs) >= PAIRS_MAX:
            self._others += 1
            return None
        self._pairs[pair] = 1
        self._addresses[pair] = address
        return failed(who, address, 1)

    def drain(self) -> list[AuditEvent]:
        """The entries of what was added up; counting begins anew."""
        found = [failed(who, self._addresses[who, net], n - 1) for (who, net), n in self._pairs.items() if n > 1]
        if self._others:
            found.append(
                AuditEvent(action="sign-in", outcome="failed", details={"times": self._others, "others": True})
            )
        self._pairs.clear()
        self._addresses.clear()
        self._others = 0
        return found


def failed(who: str, address: str, times: int) -> AuditEvent:
    """The entry of failed sign-ins of a user from an address; `who` is empty where there is no such user."""
    return AuditEvent(action="sign-in", outcome="failed", who=who, address=address, details={"times": times})
