"""What a segment's file holds, every frame held against its checksum."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.checking.places import State
from footfall.journal import Damage, Disk, Frame, is_sealed, walk


class Contents(Struct, frozen=True, kw_only=True):
    """A segment in numbers; `first_ms` and `last_ms` are the least and the greatest time of receipt in it."""

    frames: int
    events: int
    bytes: int
    first_ms: int | None
    last_ms: int | None
    damage: tuple[Damage, ...]


class _Stamped(Struct):
    received: int | None = None


_DECODER = msgspec.json.Decoder(_Stamped)


def read(path: Path) -> Iterator[Frame | Damage]:
    """The frames of a file and what is damaged between them, in order. Raises OSError."""
    return walk(path.read_bytes())


def harm(parts: Sequence[Frame | Damage], state: State) -> tuple[Damage, ...]:
    """What of it is damage: the torn tail of an open segment is none, for it was never acknowledged."""
    found = [part for part in parts if isinstance(part, Damage)]
    if state is State.OPEN and found and parts[-1] is found[-1]:
        found.pop()
    return tuple(found)


def is_held(path: Path) -> bool:
    """Whether this is an open segment whose writer lives."""
    if is_sealed(path):
        return False
    disk = Disk()
    file = disk.take(path)
    if file is not None:
        disk.close(file)
    return file is None


def examine(path: Path, state: State) -> Contents:
    """Read a segment whole. Raises OSError."""
    parts = list(read(path))
    frames = [part for part in parts if isinstance(part, Frame)]
    received = [_received(line) for frame in frames for line in frame.lines.split(b"\n") if line]
    times = [time for time in received if time is not None]
    return Contents(
        frames=len(frames),
        events=len(received),
        bytes=sum(part.size for part in parts),
        first_ms=min(times, default=None),
        last_ms=max(times, default=None),
        damage=harm(parts, state),
    )


def _received(line: bytes) -> int | None:
    try:
        return _DECODER.decode(line).received
    except msgspec.MsgspecError:
        # The store refuses such a line, which may be why its segment is aside.
        return None
