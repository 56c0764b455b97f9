"""What a check has found, and what of it is bad."""

from msgspec import Struct
from msgspec.structs import astuple

BAD = ("missing", "doubled", "changed", "unarchived")


class DamagedRange(Struct, frozen=True):
    """`size` bytes at `offset` of a file that are no whole frame, or that the store cannot read for `reason`."""

    file: str
    offset: int
    size: int
    reason: str


class Finding(Struct, frozen=True):
    """An event that is not as it should be; `verdict` is one of BAD."""

    verdict: str
    customer: str
    product: str
    timestamp: int
    batch: str
    sequence: int


class CheckCount(Struct):
    """Segments of one place in numbers; `quarantined` are the lines of those of quarantine."""

    segments: int = 0
    frames: int = 0
    events: int = 0
    quarantined: int = 0
    bytes: int = 0

    def __add__(self, other: "CheckCount") -> "CheckCount":
        return CheckCount(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


class CheckedDay(Struct, frozen=True, kw_only=True):
    """The events of one day (UTC, by timestamp), by what became of them.

    `good`: in the archive and in the store, and equal. `missing`: only in the archive. `doubled`: more than once in the
    store. `changed`: not in the store as archived. `unarchived`: in the store, of the time that the archive covers, and
    in no archived segment. `older`: of a time that the archive does not cover. `newer`: loaded, and not archived yet.
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
    """Archive and store side by side: the span of admission that the archive covers, and what was found, by day."""

    begin_ms: int
    through_ms: int
    days: tuple[CheckedDay, ...]
    findings: tuple[Finding, ...]

    def total(self, *verdicts: str) -> int:
        """The events of these verdicts, all days together."""
        return sum(getattr(day, verdict) for day in self.days for verdict in verdicts)


class VerificationResult(Struct, frozen=True, kw_only=True):
    """Everything that a check has found, of events and of quarantine.

    A comparison is None when there was nothing to compare, or nobody to ask.
    """

    archive: CheckCount
    journal: CheckCount
    aside: CheckCount
    harms: tuple[DamagedRange, ...]
    # Files of archived segments that are no longer there.
    lost: tuple[str, ...]
    compared: ComparisonResult | None
    quarantine: ComparisonResult | None
    # Other nodes load into the same store, and only their archives know their events.
    shared: bool
    seconds: float

    @property
    def problems(self) -> dict[str, int]:
        """What is bad, by its kind; empty when all is well."""
        found = {"lost": len(self.lost), "damaged": len(self.harms), "aside": self.aside.segments}
        bad = [verdict for verdict in BAD if verdict != "unarchived" or not self.shared]
        if self.compared is not None:
            found |= {verdict: self.compared.total(verdict) for verdict in bad}
        if self.quarantine is not None:
            found |= {f"{verdict} in quarantine": self.quarantine.total(verdict) for verdict in bad}
        return {kind: count for kind, count in found.items() if count}


def count_by_day(days: dict[str, dict[str, int]]) -> tuple[CheckedDay, ...]:
    """Days from counts by day and verdict, in order."""
    return tuple(CheckedDay(day=day, **counts) for day, counts in sorted(days.items()))
