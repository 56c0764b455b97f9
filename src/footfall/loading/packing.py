"""Packing the archive: a past day's many small segments become a few large ones.

A segment is sealed every second while a few events arrive, which makes 86,400 files a day whose small frames compress
badly. A pack is a segment like any other, named for its first one, with the same lines in the same order in larger
frames. It is read back before what it holds is removed. A crash in between leaves both, and loading twice counts once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from footfall.journal import Disk, Frame, SegmentKind, kind_of, walk
from footfall.system import zstd

# What a pack's name has behind that of its first segment.
PACKED = "-packed"
# Lines of one pack, before compression: what the engine takes at once, and few enough to hold twice in memory.
_PACK_LINES_BYTES_MAX = 32 * 1024 * 1024
# Lines of one frame: damage costs one frame, and larger ones compress hardly better.
_FRAME_LINES_BYTES_MAX = 1024 * 1024
# Segments from this size on are left as they are: there are never many of them, and their frames are large.
_SMALL_BYTES_MAX = 1024 * 1024
# Fewer are not worth it.
_SEGMENTS_MIN = 2
_OPTIONS: dict[int, int] = {zstd.CompressionParameter.compression_level: 6, zstd.CompressionParameter.checksum_flag: 1}


class PackDamaged(OSError):
    """A pack that was read back does not hold what was written."""


def pack(day: Path, kind: SegmentKind, disk: Disk, replace: Callable[[Path, list[Path]], None]) -> int:
    """Make one pack of the first small segments of a day; gives how many there are less. Raises OSError.

    `replace` is told of the pack, and of what it holds, before that is removed.
    """
    small = [path for path in sorted(day.glob("*.jsonl.zst")) if kind_of(path) is kind and _is_small(path)]
    sources, lines = _gather(small)
    if len(sources) < _SEGMENTS_MIN:
        return 0
    target = _name(sources[0])
    # An earlier try may have been broken off just before it removed what it had packed.
    if not (target.exists() and _lines(target) == lines):
        target = free_name(target)
        _write(target, lines, disk)
    replace(target, sources)
    for source in sources:
        disk.remove(source)
    disk.sync_folder(day)
    return len(sources) - 1


def reduce(path: Path, needed: Callable[[bytes], bytes], disk: Disk) -> bool:
    """Leave in a segment the lines that are needed, in its place; False when there is none. Raises OSError.

    A damaged one stays as it is, for nobody can tell what its lines are.
    """
    lines = _lines(path)
    if lines is None:
        return True
    left = needed(lines)
    if left and left != lines:
        _write(path, left, disk)
    return bool(left)


def free_name(path: Path) -> Path:
    """This path, or one like it that no file has: a segment that comes again must not replace another."""
    stem, dot, ending = path.name.partition(".")
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{stem}-{number}{dot}{ending}")
    return free


def _is_small(path: Path) -> bool:
    return PACKED not in path.name and path.stat().st_size < _SMALL_BYTES_MAX


def _gather(paths: list[Path]) -> tuple[list[Path], bytes]:
    """As many segments, from the first on, as one pack may hold; damaged ones stay as they are."""
    sources: list[Path] = []
    gathered: list[bytes] = []
    size = 0
    for path in paths:
        lines = _lines(path)
        if lines is None:
            continue
        size += len(lines)
        if sources and size > _PACK_LINES_BYTES_MAX:
            break
        sources.append(path)
        gathered.append(lines)
    return sources, b"".join(gathered)


def _lines(path: Path) -> bytes | None:
    """The lines of a segment; None when it is damaged."""
    parts = list(walk(path.read_bytes()))
    frames = [part.lines for part in parts if isinstance(part, Frame)]
    return b"".join(frames) if len(frames) == len(parts) else None


def _write(target: Path, lines: bytes, disk: Disk) -> None:
    """The pack, whole and read back, or nothing."""
    draft = target.with_name(f"{target.name}.draft")
    disk.write_file(draft, (zstd.compress(frame, options=_OPTIONS) for frame in _frames(lines)))
    if _lines(draft) != lines:
        raise PackDamaged(f"{draft} does not hold what was written to it")
    disk.move(draft, target)


def _frames(lines: bytes) -> Iterator[bytes]:
    """The lines in pieces that end with a line."""
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", min(start + _FRAME_LINES_BYTES_MAX, len(lines)) - 1) + 1 or len(lines)
        yield lines[start:end]
        start = end


def _name(first: Path) -> Path:
    stem, dot, ending = first.name.partition(".")
    return first.with_name(f"{stem}{PACKED}{dot}{ending}")
