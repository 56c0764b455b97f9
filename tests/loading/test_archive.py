"""The archive: loaded segments by day, kept as long as was said, and never one in the place of another."""

import errno
from pathlib import Path

import pytest

from footfall.journal import Disk
from footfall.loading import Archive

DAY_MS = 86_400_000
# 2026-11-20T12:00:00Z
NOON = 1_795_176_000_000


def segment(folder: Path, opened_ms: int = NOON, content: bytes = b"frames", kind: str = "") -> Path:
    path = folder / f"{opened_ms:013d}-writer-000001{kind}.jsonl.zst"
    path.write_bytes(content)
    return path


def kept(archive: Archive) -> list[str]:
    return sorted(str(path.relative_to(archive.path)) for path in archive.path.rglob("*.zst"))


def test_segments_of_both_kinds_are_kept_by_the_day_on_which_they_were_opened(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", 30)
    archive.add(segment(tmp_path))
    archive.add(segment(tmp_path, kind=".quarantine"))
    archive.add(segment(tmp_path, NOON + DAY_MS))
    assert kept(archive) == [
        f"2026-11-20/{NOON}-writer-000001.jsonl.zst",
        f"2026-11-20/{NOON}-writer-000001.quarantine.jsonl.zst",
        f"2026-11-21/{NOON + DAY_MS}-writer-000001.jsonl.zst",
    ]
    assert [day.name for day in archive.days()] == ["2026-11-20", "2026-11-21"]
    assert not list(tmp_path.glob("*.zst"))


@pytest.mark.parametrize(("days", "left"), [(0, 0), (1, 1), (5, 5), (29, 9), (-1, 9)])
def test_days_are_forgotten_after_their_time_or_never(tmp_path: Path, days: int, left: int) -> None:
    full = Archive(tmp_path / "archive", -1)
    for day in range(9):
        full.add(segment(tmp_path, NOON + day * DAY_MS))
    assert Archive(tmp_path / "archive", days).prune(NOON + 9 * DAY_MS) == 9 - left
    assert len(kept(full)) == left


def test_an_archive_of_no_days_keeps_nothing(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", 0)
    archive.add(segment(tmp_path))
    assert not archive.path.exists()
    assert archive.prune(NOON) == 0


def test_only_folders_of_days_are_ever_removed(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", 1)
    for name in ("2000-01-01", "1999", "2000-01-01.copy", "0"):
        (archive.path / name).mkdir(parents=True)
    assert archive.prune(NOON) == 1
    assert sorted(path.name for path in archive.path.iterdir()) == ["0", "1999", "2000-01-01.copy"]


def test_a_segment_that_comes_again_does_not_replace_the_first(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", 30)
    for content in (b"first", b"second", b"third"):
        archive.add(segment(tmp_path, content=content))
    stem = f"2026-11-20/{NOON}-writer-000001"
    assert kept(archive) == [f"{stem}-2.jsonl.zst", f"{stem}-3.jsonl.zst", f"{stem}.jsonl.zst"]
    assert (archive.path / f"{stem}.jsonl.zst").read_bytes() == b"first"


class Elsewhere(Disk):
    """A disk on which the archive is another file system, as when a larger and cheaper one is mounted there."""

    def rename(self, old: Path, new: Path) -> None:
        if old.parent != new.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        super().rename(old, new)


def test_the_archive_may_stand_on_another_disk(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", 30, Elsewhere())
    archive.add(segment(tmp_path))
    (name,) = kept(archive)
    assert (archive.path / name).read_bytes() == b"frames"
    assert not list(tmp_path.glob("*.zst"))
    assert not list(tmp_path.rglob("*.draft"))


class Refusing(Disk):
    """A disk that takes nothing new."""

    def rename(self, old: Path, new: Path) -> None:  # noqa: ARG002 - as the real one
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_segment_that_cannot_be_archived_stays_where_it_is(tmp_path: Path) -> None:
    path = segment(tmp_path)
    with pytest.raises(OSError, match="No space"):
        Archive(tmp_path / "archive", 30, Refusing()).add(path)
    assert path.read_bytes() == b"frames"


def test_nothing_is_forgotten_while_somebody_reads(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", 1)
    archive.add(segment(tmp_path))
    with archive.without_removals(), Archive(archive.path, 1).without_removals():
        assert archive.prune(NOON + 9 * DAY_MS) == 0
        archive.add(segment(tmp_path, NOON + DAY_MS))
    assert archive.prune(NOON + 9 * DAY_MS) == 2
    with Archive(tmp_path / "nowhere", 1).without_removals():
        pass
