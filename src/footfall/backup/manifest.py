"""The manifest of a backup: one JSON file, written last. Parts without a manifest are not a backup."""

import hashlib
from enum import StrEnum

import msgspec
from msgspec import Struct, structs

from footfall.backup.dependencies import BackupProgress
from footfall.backup.errors import BackupDamaged, BackupRefused
from footfall.backup.location import BackupLocation, part_name
from footfall.state import State


def installation_id(state: State) -> str:
    """An installation's permanent id, which it keeps when it is restored. It reveals nothing of the secrets."""
    return hashlib.sha256(state.secrets.get("installation")).hexdigest()[:16]


MANIFEST_NAME = "manifest.json"
FORMAT = 1


class PartKind(StrEnum):
    """The content of a part."""

    STATE = "state"  # rows of the table `name`, as JSON lines
    EVENTS = "events"  # events of the day `name`, as lines of a journal's segment
    QUARANTINE = "quarantine"  # rows of the quarantine, as lines of a journal's segment
    JOURNAL = "journal"  # the segment `name`, which the store had not loaded
    ASIDE = "aside"  # a segment that was set aside
    FILE = "file"  # a report's file, whose path is `name`


class BackupPart(Struct, frozen=True):
    """One object of the backup; `size` is in bytes. Parts of one kind and name follow each other."""

    kind: PartKind
    name: str
    sha256: str
    size: int
    rows: int = 0


class BackupManifest(Struct, frozen=True, kw_only=True):
    """Times are in ms since the epoch. Everything acknowledged at or before `watermark_ms` is in the backup.

    `days` counts the parts' events by day (UTC). `journal` names the segments, whose events are not counted there.
    `left_out` has the paths of report files that were missing or damaged. `plan` is the fingerprint of the tracking
    plan in force, `store_schema` has the hash of each applied schema file by its number.
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
    parts: tuple[BackupPart, ...]
    sha256: str = ""

    def of(self, *kinds: PartKind) -> tuple[BackupPart, ...]:
        """The parts of these kinds, in order."""
        return tuple(part for part in self.parts if part.kind in kinds)

    @property
    def sizes(self) -> dict[str, int]:
        """The size in bytes of each object by its SHA-256; equal parts are one object."""
        return {part.sha256: part.size for part in self.parts}


class _FormatVersion(Struct, frozen=True):
    format: int
    footfall: str


def write_manifest(manifest: BackupManifest) -> bytes:
    """The content of the manifest's file, with its checksum."""
    return msgspec.json.format(msgspec.json.encode(structs.replace(manifest, sha256=_digest(manifest))), indent=1)


def read_manifest(data: bytes) -> BackupManifest:
    """Decode a manifest. Raises BackupDamaged, and BackupRefused for one that a later version wrote."""
    try:
        found = msgspec.json.decode(data, type=_FormatVersion)
        if found.format > FORMAT:
            raise BackupRefused(
                f"the backup was made by footfall {found.footfall}, whose form this version cannot read"
            )
        manifest = msgspec.json.decode(data, type=BackupManifest)
    except msgspec.DecodeError as error:
        raise BackupDamaged((f"{MANIFEST_NAME} cannot be read: {error}",)) from error
    if manifest.sha256 != _digest(manifest):
        raise BackupDamaged((f"{MANIFEST_NAME} is not as it was written: its checksum is wrong",))
    return manifest


def _digest(manifest: BackupManifest) -> str:
    return hashlib.sha256(msgspec.json.encode(structs.replace(manifest, sha256=""))).hexdigest()


def check_backup(location: BackupLocation, progress: BackupProgress) -> BackupManifest:
    """Read all of a backup and compare it with its manifest, which is returned.

    Raises BackupRefused when there is none, BackupDamaged with all problems, LocationFailed.
    """
    data = location.read(MANIFEST_NAME)
    if data is None:
        raise BackupRefused(f"there is no backup in {location.where}: it has no {MANIFEST_NAME}")
    manifest = read_manifest(data)
    present = location.sizes()
    progress.begin("bytes checked", sum(manifest.sizes.values()))
    problems = [
        problem for sha256 in manifest.sizes if (problem := _check_part(location, manifest, sha256, present, progress))
    ]
    if problems:
        raise BackupDamaged(tuple(problems))
    return manifest


def _check_part(
    location: BackupLocation, manifest: BackupManifest, sha256: str, present: dict[str, int], progress: BackupProgress
) -> str | None:
    """What is wrong with one part; None when it is whole."""
    found, wanted = present.get(sha256), manifest.sizes[sha256]
    if found is None:
        return f"{part_name(sha256)} is missing{_contents(manifest, sha256)}"
    if found != wanted:
        return f"{part_name(sha256)} has {found} bytes instead of {wanted}{_contents(manifest, sha256)}"
    digest = hashlib.sha256()
    for block in location.blocks(part_name(sha256)):
        digest.update(block)
        progress.step(len(block))
    if digest.hexdigest() != sha256:
        return f"{part_name(sha256)} is not as it was written{_contents(manifest, sha256)}"
    return None


def _contents(manifest: BackupManifest, sha256: str) -> str:
    held = {f"{part.kind} {part.name}" for part in manifest.parts if part.sha256 == sha256}
    return f" ({', '.join(sorted(held))})"
