"""Finds out whether events were lost, and restores those that were: verify, rebuild, repair.

An acknowledged event is in the journal, then in the archive and in the store: two copies, made by different code, which
are compared here. The archive has segments that never change, with a checksum for every frame. The store has a table
whose sorting key is an event's identity. `Verification` reads the archive, has the engine compare the table with it,
and reports by day what is missing, doubled, changed or unknown. `Rebuilding` makes the table again from the archive.
`Repair` saves the whole frames of one damaged segment. All three work while the service runs, one at a time on a node.

**Why events that arrive meanwhile raise no alarm.** The journal has three rules. No stamp in a segment is earlier than
its opening. A segment is archived only when it is in the store. Of equal events the store keeps the one admitted first.
So every archived event must be in the store, and every event in the store that was admitted before the oldest waiting
segment was opened must be archived.
"""

from footfall.integrity.absence import ErasedPersons, erased_persons
from footfall.integrity.guard import Advance, Busy, NoRoom, ProgressCallback, exclusive_access, no_progress
from footfall.integrity.rebuild import CannotRebuild, Rebuilding, RebuildPlan, Rebuilt, Unarchived
from footfall.integrity.repair import CannotRepair, Repair
from footfall.integrity.segments import (
    SegmentContents,
    SegmentFile,
    SegmentFolders,
    SegmentState,
    is_being_written,
    read_contents,
    read_frames,
)
from footfall.integrity.verdict import (
    BAD_VERDICTS,
    Absence,
    CheckCount,
    CheckedDay,
    ComparisonResult,
    DamagedRange,
    Expiry,
    Finding,
    VerificationResult,
)
from footfall.integrity.verify import Verification
from footfall.system.data_folder import NoData

__all__ = [
    "BAD_VERDICTS",
    "Absence",
    "Advance",
    "Busy",
    "CannotRebuild",
    "CannotRepair",
    "CheckCount",
    "CheckedDay",
    "ComparisonResult",
    "DamagedRange",
    "ErasedPersons",
    "Expiry",
    "Finding",
    "NoData",
    "NoRoom",
    "ProgressCallback",
    "RebuildPlan",
    "Rebuilding",
    "Rebuilt",
    "Repair",
    "SegmentContents",
    "SegmentFile",
    "SegmentFolders",
    "SegmentState",
    "Unarchived",
    "Verification",
    "VerificationResult",
    "erased_persons",
    "exclusive_access",
    "is_being_written",
    "no_progress",
    "read_contents",
    "read_frames",
]
