"""The journal: where an event is when its sender is told that it is safe.

**Format.** A folder of segments. A segment is a plain `.jsonl.zst` file, readable with `zstdcat FILE | jq`: a row of
zstd frames, each with its content checksum, each holding whole JSON lines, each the work of one group commit. A line
is an event as answered to its sender plus `received` and `admitted`, in ms since the epoch, both stamped when the
frame was made. A segment is *open* (`….jsonl.zst.open`, locked with flock by the one writer that appends to it) or
*sealed* (`….jsonl.zst`, never changed again). The frames of an open one may be followed by zeros, which later frames
overwrite. A *spare* (`….jsonl.zst.spare`, locked too) is a file without frames that becomes a segment by its new name.

**Invariants.**
1. `Journal.append` returns only when the frame that holds the lines is synced, and so is an entry of the folder that
   leads to its segment, under its open name or as a spare.
2. When `append` raises, none of its lines are in the journal: a frame that was written in part, or whose sync failed,
   is cut off before anything else happens to the segment.
3. Every stamp in a segment was taken while the file was there under its open or sealed name. So once the node's clock
   has passed W and the folder is then listed, every event stamped W or earlier is in the listed segments or already
   loaded: that is the barrier of reports (see `footfall.loading`).
4. Lines are never reordered within a writer, and a frame is whole or absent. The lines of one request of one kind are
   in one frame, so there are no half requests, with one exception: in quarantine mode the events that a request keeps
   and those that are held are two frames in two segments, synced one after the other. A crash between the two syncs
   leaves the first without the second. That request was not answered, and its retry with the same key completes it.

**Recovery.** An open segment, or a spare, whose lock is free belongs to a dead writer: it is cut back to its last whole
frame and sealed, or removed when no whole frame is left. A torn tail was never acknowledged (invariant 1), so nothing
is lost. A frame that fails its checksum with whole frames behind it is damage, not a torn tail: the good frames are
kept in a new segment, the damaged file is set aside as it is, and the log says so.
"""

from footfall.journal.disk import Disk
from footfall.journal.errors import JournalBusy, JournalError, JournalFull
from footfall.journal.frames import STAMPS, Damage, EncodedLines, Frame, end_of_frames, frame_at, mark, measure, walk
from footfall.journal.log import Journal
from footfall.journal.recovery import SALVAGED, Recovered, recover, salvage
from footfall.journal.segment import (
    OPEN,
    SEALED,
    SPARE,
    Folder,
    SegmentKind,
    is_sealed,
    kind_of,
    opened_ms,
    sealed_name,
)
from footfall.journal.waiters import Done, LastCommit

__all__ = [
    "OPEN",
    "SALVAGED",
    "SEALED",
    "SPARE",
    "STAMPS",
    "Damage",
    "Disk",
    "Done",
    "EncodedLines",
    "Folder",
    "Frame",
    "Journal",
    "JournalBusy",
    "JournalError",
    "JournalFull",
    "LastCommit",
    "Recovered",
    "SegmentKind",
    "end_of_frames",
    "frame_at",
    "is_sealed",
    "kind_of",
    "mark",
    "measure",
    "opened_ms",
    "recover",
    "salvage",
    "sealed_name",
    "walk",
]
