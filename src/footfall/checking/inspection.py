"""Reading segments frame by frame: every checksum checked, what is whole counted and handed on."""

from collections.abc import Callable, Iterable
from pathlib import Path

from footfall.checking.contents import harm
from footfall.checking.copy import Copy
from footfall.checking.places import Segment, State
from footfall.checking.progress import Advance, Progress
from footfall.checking.verdict import Count, Harm
from footfall.journal import Damage, Frame, Kind, walk

Take = Callable[[Path, bytes], None]


class Inspection:
    """Reads segments and keeps what is damaged; paths are named as they are from `data` on."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.harms: list[Harm] = []

    def read(self, segments: Iterable[Segment], advance: Advance, take: Take | None = None) -> Count:
        """Read segments, and hand the whole frames of each to `take`.

        A file that has moved on since it was listed is passed over: whoever moved it has read it.
        """
        count = Count()
        for segment in segments:
            try:
                data = segment.path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                self.blame(segment.path, 0, segment.size, f"it cannot be read: {error.strerror}")
                continue
            self._count(segment, data, count, take)
            advance(len(data))
        return count

    def blame(self, path: Path, offset: int, size: int, reason: str) -> None:
        """Note that a file is at fault."""
        self.harms.append(Harm(str(path.relative_to(self._data)), offset, size, reason))

    def _count(self, segment: Segment, data: bytes, count: Count, take: Take | None) -> None:
        parts = list(walk(data))
        frames = [part for part in parts if isinstance(part, Frame)]
        count.segments += 1
        count.frames += len(frames)
        count.bytes += len(data)
        lines = sum(frame.lines.count(b"\n") for frame in frames)
        if segment.kind is Kind.EVENTS:
            count.events += lines
        else:
            count.quarantined += lines
        for damage in harm(parts, segment.state):
            self.blame(segment.path, damage.offset, damage.size, "no whole frame")
        if take is not None and frames:
            take(segment.path, _whole(data, parts, frames))


def _whole(data: bytes, parts: list[Frame | Damage], frames: list[Frame]) -> bytes:
    if len(parts) == len(frames):
        return data
    return b"".join(data[frame.offset : frame.offset + frame.size] for frame in frames)


def fill(copy: Copy, segments: list[Segment], inspection: Inspection, progress: Progress) -> Count:
    """Read archived segments into their table; those that the store cannot read are at fault."""
    with progress("reading the archive", size(segments)) as advance:
        count = inspection.read(segments, advance, copy.add)
        copy.flush()
    for path, reason in copy.refused:
        inspection.blame(path, 0, path.stat().st_size, f"the store cannot read its lines: {reason}")
    copy.refused.clear()
    return count


def size(segments: Iterable[Segment]) -> int:
    """The bytes of some segments."""
    return sum(segment.size for segment in segments)


def is_sealed(segment: Segment) -> bool:
    """Whether its writer is done with it, and the loader is not."""
    return segment.state is State.SEALED
