"""What keeps away what is gone: digests of erased persons' values, cutoffs of retention, and a filter for lines.

A person is a value of a context key. The state has a row for each erasure (`footfall.state.Erasure`), with the digest
of the value and the places of the context in which it stands. So the value itself is kept nowhere, and yet whatever
comes later can be recognised: a retry, a segment that was set aside, a backup that is restored, an archive of a node
that was away.

**The digest** is the SHA-256 of a secret of the installation and the value. The secret is in the state, and in every
backup of it, so that a backup from before the erasure can be filtered too. Whoever has the state can find out whether
a value that they guess was erased; nobody else can.

**The rule.** An event is erased when its time is not after the erasure's cut, or it was received before the erasure
was ordered. The cut is the time of the order, or that of the person's latest event that was found, where a client's
clock was ahead. Later events are of a person who came back, and stay.

**Where the filter is.** The loader looks through a segment before it loads it, which all events pass on their way to
store and archive, also those that were released, repaired or restored. Without erasures this costs nothing. With some,
the times of a segment's lines are read, and only events that are old enough are looked at further. At the door, each
request would wait for it, and what is written to the journal by others would pass by.

**What is past the time** for which its product and type are kept is left out by the same filter; `footfall.expiry`
tells the rule.
"""

from footfall.tombstones.cutoffs import CutoffTest, past_condition
from footfall.tombstones.filter import CleanedFrames, LineFilter
from footfall.tombstones.guard import Tombstones, clean_segment
from footfall.tombstones.person import digest_of, find_places, salt_of
from footfall.tombstones.statements import NOTHING, RowCondition, event_condition, quarantine_condition

__all__ = [
    "NOTHING",
    "CleanedFrames",
    "CutoffTest",
    "LineFilter",
    "RowCondition",
    "Tombstones",
    "clean_segment",
    "digest_of",
    "event_condition",
    "find_places",
    "past_condition",
    "quarantine_condition",
    "salt_of",
]
