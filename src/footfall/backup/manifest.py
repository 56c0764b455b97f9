"""What a backup says of itself: one JSON file, written last, without which the parts beside it are no backup."""

import hashlib
from enum import StrEnum

import msgspec
from msgspec import Struct, structs

from footfall.backup.errors import BackupDamaged, BackupRefused

NAME = "manifest.json"
FORMAT = 1


class Kind(StrEnum):
    """What a part holds."""

    STATE = "state"  # rows of the table that `name` says, as JSON lines
    EVENTS = "events"  # events of the day that `name` says, as lines of a journal's segment
    QUARANTINE = "quarantine"  # rows of the quarantine, as lines of a journal's segment
    JOURNAL = "journal"  # the segment that `name` says, which the store had not loaded
    ASIDE = "aside"  # a segment that was set aside
    FILE = "file"  # a report's file, whose path is `name`


class Part(Struct, frozen=True):
    """One object of the backup; `size` is in bytes. Parts of one kind and name follow each other."""

    kind: Kind
    name: str
    sha256: str
    size: int
    rows: int = 0


class Manifest(Struct, frozen=True, kw_only=True):
    """Times are in ms since the epoch. Whatever was acknowledged at or before `watermark_ms` is in the backup.

    `days` has the events by day (UTC) that the parts hold, `journal` the names of the segments that come on top,
    `left_out` the paths of report files that were gone or damaged. `plan` is the fingerprint of the tracking plan that
    was in force, `store_schema` the number of each applied file with its hash.
    """

    format: int = FORMAT
    footfall: str
    installation: str
    watermark_ms: int
    ended_ms: int
    plan: str
    state_revision: str
    store_schema: dict[str, str]
    days: dict[str, int]
    quarantined: int
    journal: tuple[str, ...]
    left_out: tuple[str, ...]
    parts: tuple[Part, ...]
    sha256: str = ""

    def of(self, *kinds: Kind) -> tuple[Part, ...]:
        """The parts of these kinds, in order."""
        return tuple(part for part in self.parts if part.kind in kinds)

    @property
    def sizes(self) -> dict[str, int]:
        """The size in bytes of each object by its SHA-256; equal parts are one object."""
        return {part.sha256: part.size for part in self.parts}


class _Head(Struct, frozen=True):
    format: int
    footfall: str


def write(manifest: Manifest) -> bytes:
    """The file's content, which carries its own checksum."""
    return msgspec.json.format(msgspec.json.encode(structs.replace(manifest, sha256=_digest(manifest))), indent=1)


def read(data: bytes) -> Manifest:
    """Raises BackupDamaged, and BackupRefused for what a later version wrote."""
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format > FORMAT:
            raise BackupRefused(f"the backup was made by footfall {head.footfall}, whose form this version cannot read")
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupDamaged((f"{NAME} cannot be read: {error}",)) from error
    if manifest.sha256 != _digest(manifest):
        raise BackupDamaged((f"{NAME} is not as it was written: its checksum is wrong",))
    return manifest


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(msgspec.json.encode(structs.replace(manifest, sha256=""))).hexdigest()
