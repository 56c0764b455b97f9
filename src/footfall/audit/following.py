"""Reads the log as it grows, each entry once, and tells when it does not go on from where it was."""

from collections.abc import Iterator

from footfall.audit.chain import entries
from footfall.state import AuditEntry, State, entry_hash


class ChainBroken(Exception):
    """The log does not go on from the last entry that was read of it; the text says where."""


class ChainFollower:
    """The entries behind a number, in order; what was taken once is not taken again.

    The state is given anew each time, for its database may have been put back, restarted or replaced meanwhile. That
    is told by the chain alone: the next entry has the number and the hash of the last one before it.
    """

    def __init__(self, after: int = 0) -> None:
        self._number = after
        # Of entries that were read by somebody else the number alone is known.
        self._hash: str | None = None

    def take(self, state: State) -> Iterator[AuditEntry]:
        """What was added since. Raises ChainBroken behind the entries that still follow, and StateUnavailable."""
        self._check_end(state)
        for entry in entries(state, self._number):
            self._check(entry)
            self._number, self._hash = entry.number, entry.hash
            yield entry

    def _check_end(self, state: State) -> None:
        """The log still has the last entry that was taken, or ended with nothing before it."""
        newest = next(iter(state.audit.newest(None, 1)), None)
        end = newest.number if newest else 0
        if end < self._number:
            raise ChainBroken(f"the log ends with entry {end}, before entry {self._number}: it was put back or cut off")
        if newest and end == self._number and self._hash not in (None, newest.hash):
            raise ChainBroken(f"entry {end} is another than before: the log was put back or made anew")

    def _check(self, entry: AuditEntry) -> None:
        if entry.number != self._number + 1:
            gone = f"{self._number + 1} to {entry.number - 1}"
            # The oldest are dropped after `audit_days`, so that a reader who was away for long may miss them.
            raise ChainBroken(f"entries {gone} are gone; if they were dropped for their age, go on behind them")
        if self._hash not in (None, entry.previous):
            raise ChainBroken(f"entry {entry.number} does not follow the entry {self._number} that was here before")
        if entry_hash(entry) != entry.hash:
            raise ChainBroken(f"entry {entry.number} was changed")
