"""Packing the archive: a past day's many small segments become a few large ones.

A segment is sealed every second while a few events arrive, which makes 86,400 files a day whose small frames compress
badly. A pack is a segment like any other, named for its first one, with the same lines in the same order in larger
frames. It is read back before what it holds is removed. A crash in between leaves both, and loading twice counts once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from footfall.journal import Disk, Frame, SegmentKind, kind_of, walk
from footfall.system import zstd

# The suffix of a pack's name, after the name of its first segment.
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

# Gives those lines of a segment that must stay.
LineFilter = Callable[[bytes], bytes]


class PackDamaged(OSError):
    """A pack that was read back does not hold what was written."""


def pack_day(day: Path, kind: SegmentKind, disk: Disk, replace: Callable[[Path, list[Path]], None]) -> int:
    """Make one pack of the first small segments of a day; returns how many fewer segments there are. Raises OSError.

    `replace` is called with the pack and the segments that it holds, before these are removed.
    """
    small = [path for path in sorted(day.glob("*.jsonl.zst")) if kind_of(path) is kind and _is_small(path)]
    sources, lines = _collect_sources(small)
    if len(sources) < _SEGMENTS_MIN:
        return 0
    target = _pack_path(sources[0])
    # An earlier try may have been broken off just before it removed what it had packed.
    if not (target.exists() and _read_lines(target) == lines):
        target = unused_path(target)
        _write_pack(target, lines, disk)
    replace(target, sources)
    for source in sources:
        disk.remove(source)
    disk.sync_folder(day)
    return len(sources) - 1


def keep_needed_lines(path: Path, needed: LineFilter, disk: Disk) -> bool:
    """Rewrite a segment with the lines that are needed; False when there is none. Raises OSError.

    A damaged segment stays as it is, because its lines cannot be read.
    """
    lines = _read_lines(path)
    if lines is None:
        return True
    left = needed(lines)
    if left and left != lines:
        _write_pack(path, left, disk)
    return bool(left)


def unused_path(path: Path) -> Path:
    """This path, or the next numbered one that no file has: a segment that is added again must not replace another."""
    stem, dot, ending = path.name.partition(".")
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{stem}-{number}{dot}{ending}")
    return free


def _is_small(path: Path) -> bool:
    return PACKED not in path.name and path.stat().st_size < _SMALL_BYTES_MAX


def _collect_sources(paths: list[Path]) -> tuple[list[Path], bytes]:
    """The first segments, as many as one pack may hold, and their lines; damaged ones are left out."""
    sources: list[Path] = []
    gathered: list[bytes] = []
    size = 0
    for path in paths:
        lines = _read_lines(path)
        if lines is None:
            continue
        size += len(lines)
        if sources and size > _PACK_LINES_BYTES_MAX:
            break
        sources.append(path)
        gathered.append(lines)
    return sources, b"".join(gathered)


def _read_lines(path: Path) -> bytes | None:
    """The lines of a segment; None when it is damaged."""
    parts = list(walk(path.read_bytes()))
    frames = [part.lines for part in parts if isinstance(part, Frame)]
    return b"".join(frames) if len(frames) == len(parts) else None


def _write_pack(target: Path, lines: bytes, disk: Disk) -> None:
    """Write the pack, read it back, and give it its name; else leave nothing under that name."""
    draft = target.with_name(f"{target.name}.draft")
    disk.write_file(draft, (zstd.compress(frame, options=_OPTIONS) for frame in _split(lines)))
    if _read_lines(draft) != lines:
        raise PackDamaged(f"{draft} does not hold what was written to it")
    disk.move(draft, target)


def _split(lines: bytes) -> Iterator[bytes]:
    """The lines in pieces, each of which ends at the end of a line."""
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", min(start + _FRAME_LINES_BYTES_MAX, len(lines)) - 1) + 1 or len(lines)
        yield lines[start:end]
        start = end


def _pack_path(first: Path) -> Path:
    stem, dot, ending = first.name.partition(".")
    return first.with_name(f"{stem}{PACKED}{dot}{ending}")
