"""Backups: everything that an installation keeps, copied while it runs, and brought back on an empty machine.

**Format.** A folder, or a prefix in an object store. `parts/` has objects that are named by the SHA-256 of their
content; `manifest.json` says which of them belong to the backup and what each holds, and carries its own checksum. It
is written last, so that a backup without one is none. A part is a zstd frame of JSON lines, but for reports' files and
the journal's segments, which are as they were:

- *state*: rows of one table. SQLite and PostgreSQL give the same lines, so that either goes into either.
- *events*, *quarantine*: what the store has, by day, as lines of a journal's segment, in the order of the sorting key.
  Old days do not change, and equal content has an equal name: a backup over an earlier one writes only what is new.
- *journal*: segments that the store had not loaded. *aside*: segments that it never will.
- *file*: a finished report's file.

JSON lines were measured against the engine's own formats (300,000 events, two busy cores): Native was read out 1.7
times and loaded twice as fast, and 0.6 times as large; Parquet was larger than either after compression. Lines need
no code of their own to load, can be cut at any size without knowing the rows, are counted exactly as they pass, and can
be read without footfall. ClickHouse's BACKUP writes to the server's own disks, and not to where the caller is.

**What a backup has.** Everything that was acknowledged at or before its watermark, the time at which it began; of what
came meanwhile some, and each of it once after a restore. It is the order of the steps that sees to it:

1. The watermark is taken, then the state in one transaction: users, secrets, and the jobs that were started up to the
   watermark, whose reports can be made again byte for byte because `received` and `admitted` of every event are kept.
2. A line leaves the journal only when it is in the store. So the journal is copied before the store is read: a line
   that is no longer in the one is in the other. Other nodes' journals cannot be reached from here, so before the store
   is read it is waited until they have loaded what they acknowledged until then, as a report does.
3. An event that is released from the quarantine is written together with the note of its release. So all of the
   quarantine, in the journal and in the store, is copied before any of the events: whatever is known as released is
   among them. And nothing is left out for being late, because the store may have put it in the place of an equal one.

**What a restore does.** It reads the whole backup against its checksums and finds the data folder, the state and the
store empty before it changes anything. It marks the data folder, in which nothing starts until the restore has
finished; given again after it broke off, it goes on, since loading a part twice counts once. At the end the store must
have as many events of each day as the backup, and the node's clock is set past everything in it. The nodes' own rows
stay behind, or reports would wait for machines that are gone.
"""

from footfall.backup.data_folder import require_data
from footfall.backup.dependencies import BackupDependencies, BackupProgress, SilentProgress
from footfall.backup.errors import BackupDamaged, BackupRefused, LocationFailed
from footfall.backup.location import BackupLocation
from footfall.backup.manifest import BackupManifest, PartKind, check_backup
from footfall.backup.restoring import prepare_restore, restore
from footfall.backup.saving import Saved, back_up

__all__ = [
    "BackupDamaged",
    "BackupDependencies",
    "BackupLocation",
    "BackupManifest",
    "BackupProgress",
    "BackupRefused",
    "LocationFailed",
    "PartKind",
    "Saved",
    "SilentProgress",
    "back_up",
    "check_backup",
    "prepare_restore",
    "require_data",
    "restore",
]
