"""The result of a check: counts, findings, and which of them are bad."""

from msgspec import Struct
from msgspec.structs import astuple

BAD_VERDICTS = ("missing", "doubled", "changed", "unarchived")


class DamagedRange(Struct, frozen=True):
    """`size` bytes at `offset` of a file that are not a whole frame, or that the store cannot read for `reason`."""

    file: str
    offset: int
    size: int
    reason: str


class Finding(Struct, frozen=True):
    """An event with one of the BAD_VERDICTS."""

    verdict: str
    customer: str
    product: str
    timestamp: int
    batch: str
    sequence: int


class CheckCount(Struct):
    """Counts of the segments in one folder; `events` and `quarantined` are lines of the two kinds of segments."""

    segments: int = 0
    frames: int = 0
    events: int = 0
    quarantined: int = 0
    bytes: int = 0

    def __add__(self, other: "CheckCount") -> "CheckCount":
        return CheckCount(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


class CheckedDay(Struct, frozen=True, kw_only=True):
    """The events of one day (UTC, by timestamp), by verdict.

    `good`: equal in the archive and in the store. `missing`: only in the archive. `doubled`: more than once in the
    store. `changed`: in the store with another content than in the archive. `unarchived`: in the store, admitted in
    the time that the archive covers, and in no archived segment. `older`: admitted before that time. `newer`: loaded,
    and not archived yet.
    """

    day: str
    good: int = 0
    missing: int = 0
    doubled: int = 0
    changed: int = 0
    unarchived: int = 0
    older: int = 0
    newer: int = 0

    @property
    def archived(self) -> int:
        """Events of the day in the archive."""
        return self.good + self.missing + self.changed + self.doubled

    @property
    def stored(self) -> int:
        """Events of the day in the store, each counted once."""
        return self.good + self.changed + self.doubled + self.unarchived + self.older + self.newer


class ComparisonResult(Struct, frozen=True, kw_only=True):
    """The archive compared with the store: the times of admission that it covers (ms), counts by day, samples."""

    begin_ms: int
    through_ms: int
    days: tuple[CheckedDay, ...]
    findings: tuple[Finding, ...]

    def total(self, *verdicts: str) -> int:
        """The events of these verdicts, all days together."""
        return sum(getattr(day, verdict) for day in self.days for verdict in verdicts)


class Absence(Struct, frozen=True):
    """What was found of `persons` erased persons: events by the file or the table that has them.

    `waiting` are persons whose erasure is not done yet, who were not looked for.
    """

    persons: int
    events: dict[str, int]
    waiting: int = 0

    @property
    def total(self) -> int:
        """The events, all places together."""
        return sum(self.events.values())


class Expiry(Struct, frozen=True):
    """What was found that is past, by so many `cutoffs`: events by the file or the table that has them.

    `waiting` are cutoffs up to which not everything is removed yet; what they had removed before was looked for.
    """

    cutoffs: int
    events: dict[str, int]
    waiting: int = 0

    @property
    def total(self) -> int:
        """The events, all places together."""
        return sum(self.events.values())


class VerificationResult(Struct, frozen=True, kw_only=True):
    """The result of one check, for events and for quarantine.

    A comparison is None when there was nothing to compare, or the store was not asked. `is_undecided`: the store has
    events and the archive of no day has any, so that nothing says whether the store has all of them.
    """

    archive: CheckCount
    journal: CheckCount
    aside: CheckCount
    harms: tuple[DamagedRange, ...]
    # Archived segments whose files are missing.
    lost: tuple[str, ...]
    compared: ComparisonResult | None
    is_undecided: bool
    quarantine: ComparisonResult | None
    # Whether other nodes may load into the same store: then their archives have the events that this one lacks.
    shared: bool
    seconds: float
    # What was found of erased persons; None when nobody looked.
    erased: Absence | None = None
    # What was found that is past the time for which its product and type are kept.
    past: Expiry | None = None

    @property
    def problems(self) -> dict[str, int]:
        """The number of problems by kind; empty when there is none."""
        found = {"lost": len(self.lost), "damaged": len(self.harms), "aside": self.aside.segments}
        bad = [verdict for verdict in BAD_VERDICTS if verdict != "unarchived" or not self.shared]
        if self.compared is not None:
            found |= {verdict: self.compared.total(verdict) for verdict in bad}
        if self.quarantine is not None:
            found |= {f"{verdict} in quarantine": self.quarantine.total(verdict) for verdict in bad}
        if self.erased is not None:
            found["erased"] = self.erased.total
        if self.past is not None:
            found["past"] = self.past.total
        return {kind: count for kind, count in found.items() if count}


def count_by_day(days: dict[str, dict[str, int]]) -> tuple[CheckedDay, ...]:
    """The days in order, from counts by day and verdict."""
    return tuple(CheckedDay(day=day, **counts) for day, counts in sorted(days.items()))
