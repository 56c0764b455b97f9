"""Checking that nothing was lost, and putting right what was: verify, rebuild, repair.

What an event's sender was told is safe is in the journal, then in the archive and in the store; these three are two
copies of everything, made by different code, and here they are held against each other. The archive is a set of
segments that never change, every frame of which has its checksum; the store is a table whose sorting key is an event's
identity. `Verification` reads the first, has the engine compare the second with it, and tells by day what is missing,
doubled, changed or unknown. `Rebuilding` makes the table anew from the archive. `Repair` saves what is whole of one
damaged segment. All three work while the service runs, one at a time on a node.

**Why events that arrive meanwhile raise no alarm.** Three rules of the journal see to it. A segment holds nothing that
was stamped before it was opened; a segment goes to the archive only when it is in the store; and of equal events the
store keeps the one admitted first. So whatever is archived must be in the store, without exception; and whatever is in
the store and was admitted before the oldest segment that waits was opened must be archived.
"""

from footfall.checking.contents import Contents, examine, is_held, read
from footfall.checking.guard import Busy, NoRoom
from footfall.checking.places import NoData, Places, Segment, State
from footfall.checking.progress import Advance, Progress, unseen
from footfall.checking.rebuilding import CannotRebuild, Plan, Rebuilding, Rebuilt, Unarchived
from footfall.checking.repairing import CannotRepair, Repair
from footfall.checking.verdict import BAD, Compared, Count, Day, Finding, Harm, Verdict
from footfall.checking.verification import Verification

__all__ = [
    "BAD",
    "Advance",
    "Busy",
    "CannotRebuild",
    "CannotRepair",
    "Compared",
    "Contents",
    "Count",
    "Day",
    "Finding",
    "Harm",
    "NoData",
    "NoRoom",
    "Places",
    "Plan",
    "Progress",
    "Rebuilding",
    "Rebuilt",
    "Repair",
    "Segment",
    "State",
    "Unarchived",
    "Verdict",
    "Verification",
    "examine",
    "is_held",
    "read",
    "unseen",
]
