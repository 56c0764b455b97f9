"""Backups: everything that an installation keeps, copied while it runs, and restored on an empty machine.

**Format.** A folder, or a prefix in an object store. `parts/` has objects that are named by the SHA-256 of their
content; `manifest.json` lists those that belong to the backup with what they are, and has a checksum of its own. It is
written last: without it, there is no backup. A part is a zstd frame of JSON lines. Only reports' files and the
journal's segments are stored unchanged:

- *state*: rows of one table. SQLite and PostgreSQL give the same lines, so that either goes into either.
- *events*, *quarantine*: the store's rows by day, as lines of a journal's segment, in the order of the sorting key. Old
  days do not change, and equal content has an equal name: a backup over an earlier one writes only what is new.
- *journal*: segments that the store had not loaded. *aside*: segments that it never will.
- *file*: a finished report's file.

Native, the engine's own format, is twice as fast to load and 0.6 times as large. But lines need no code of their own to
load, can be cut at any size, are counted as they pass, and can be read without footfall. ClickHouse's BACKUP writes to
the server's disks, not to the caller's.

**What a backup has.** Everything that was acknowledged at or before its watermark, the time at which it began, and some
of what was acknowledged later. After a restore, each event counts once. The order of the steps ensures this:

1. Take the watermark, then copy the state in one transaction: users, secrets, and the jobs that were started up to the
   watermark. Their reports can be made again byte for byte, because `received` and `admitted` of every event are kept.
2. Copy the journal before the store. A line leaves the journal only when it is in the store, so that a line that is no
   longer in the one is in the other. Other nodes' journals cannot be read from here. So before the store is read, the
   backup waits until they have loaded what they acknowledged so far, as a report does.
3. Copy all of the quarantine, in the journal and in the store, before any events. A release writes the event together
   with its new state, so that every event that the copy has as released is among the copied events. No event is left
   out because it is newer than the watermark: it may have replaced an equal one in the store.

**What a restore does.** Before it changes anything, it compares the whole backup with its checksums, and requires that
the data folder, the state and the store are empty. It marks the data folder; nothing starts in a marked one. A restore
that was interrupted can be repeated, because loading a part twice counts once. At the end, the store must have as many
events of each day as the backup, and the node's clock is set past all their times. The rows of nodes are not restored,
because reports would wait for machines that no longer exist.

**Erased persons** (`tombstones`). An erasure leaves `tombstones.json` beside the backups that were made before it. A
restore reads it when it has the state, with whose secret it recognises the persons, and writes nothing of them: neither
events nor segments, nor the files of reports that have them.
"""

from footfall.backup.data_folder import require_data
from footfall.backup.dependencies import BackupDependencies, BackupProgress, SilentProgress
from footfall.backup.errors import BackupDamaged, BackupRefused, LocationFailed
from footfall.backup.location import BackupLocation
from footfall.backup.manifest import BackupManifest, PartKind, check_backup
from footfall.backup.restoring import prepare_restore, restore
from footfall.backup.saving import BackupResult, back_up
from footfall.backup.tombstones import mark_backups

__all__ = [
    "BackupDamaged",
    "BackupDependencies",
    "BackupLocation",
    "BackupManifest",
    "BackupProgress",
    "BackupRefused",
    "BackupResult",
    "LocationFailed",
    "PartKind",
    "SilentProgress",
    "back_up",
    "check_backup",
    "mark_backups",
    "prepare_restore",
    "require_data",
    "restore",
]
