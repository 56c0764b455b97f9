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

from footfall.integrity.guard import Advance, Busy, NoRoom, ProgressCallback, no_progress
from footfall.integrity.rebuild import CannotRebuild, Rebuilding, RebuildPlan, Rebuilt, Unarchived
from footfall.integrity.repair import CannotRepair, Repair
from footfall.integrity.segments import (
    Contents,
    SegmentFile,
    SegmentFolders,
    SegmentState,
    examine,
    is_held,
    read_contents,
)
from footfall.integrity.verdict import (
    BAD,
    CheckCount,
    CheckedDay,
    ComparisonResult,
    DamagedRange,
    Finding,
    VerificationResult,
)
from footfall.integrity.verify import Verification
from footfall.system.data_folder import NoData

__all__ = [
    "BAD",
    "Advance",
    "Busy",
    "CannotRebuild",
    "CannotRepair",
    "CheckCount",
    "CheckedDay",
    "ComparisonResult",
    "Contents",
    "DamagedRange",
    "Finding",
    "NoData",
    "NoRoom",
    "ProgressCallback",
    "RebuildPlan",
    "Rebuilding",
    "Rebuilt",
    "Repair",
    "SegmentFile",
    "SegmentFolders",
    "SegmentState",
    "Unarchived",
    "Verification",
    "VerificationResult",
    "examine",
    "is_held",
    "no_progress",
    "read_contents",
]
