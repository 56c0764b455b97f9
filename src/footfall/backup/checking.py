"""Whether a backup is whole: every part is there, and is what its name says."""

import hashlib

from footfall.backup import manifest as manifests
from footfall.backup.errors import BackupDamaged, BackupRefused
from footfall.backup.manifest import Manifest
from footfall.backup.means import Progress
from footfall.backup.place import Place, part_name


def check(place: Place, progress: Progress) -> Manifest:
    """Read all of a backup and compare it with its manifest, which is returned.

    Raises BackupRefused where there is none, BackupDamaged with everything that is wrong, PlaceFailed.
    """
    data = place.read(manifests.NAME)
    if data is None:
        raise BackupRefused(f"there is no backup in {place.where}: it has no {manifests.NAME}")
    manifest = manifests.read(data)
    there = place.sizes()
    progress.begin("bytes checked", sum(manifest.sizes.values()))
    problems = [problem for sha256 in manifest.sizes if (problem := _look(place, manifest, sha256, there, progress))]
    if problems:
        raise BackupDamaged(tuple(problems))
    return manifest


def _look(place: Place, manifest: Manifest, sha256: str, there: dict[str, int], progress: Progress) -> str | None:
    """What is wrong with one part; None when it is whole."""
    found, wanted = there.get(sha256), manifest.sizes[sha256]
    if found is None:
        return f"{part_name(sha256)} is missing{_holding(manifest, sha256)}"
    if found != wanted:
        return f"{part_name(sha256)} has {found} bytes instead of {wanted}{_holding(manifest, sha256)}"
    digest = hashlib.sha256()
    for block in place.blocks(part_name(sha256)):
        digest.update(block)
        progress.step(len(block))
    if digest.hexdigest() != sha256:
        return f"{part_name(sha256)} is not as it was written{_holding(manifest, sha256)}"
    return None


def _holding(manifest: Manifest, sha256: str) -> str:
    held = {f"{part.kind} {part.name}" for part in manifest.parts if part.sha256 == sha256}
    return f" ({', '.join(sorted(held))})"
