"""The segments of a node's journal, as they are taken into a backup and put back."""

from collections.abc import Iterator
from pathlib import Path

from footfall import private
from footfall.clock import Clock
from footfall.durable import sync, sync_path
from footfall.journal import Folder, Frame, Kind, is_sealed, kind_of, sealed_name, walk


def read_segments(folder: Folder, kind: Kind, clock: Clock) -> Iterator[tuple[str, bytes]]:
    """The sealed name and the content of every segment that is there when this begins; of open ones, whole frames.

    A segment that goes away meanwhile is in the store, or aside, or goes on under another name, which is looked for
    until there is none: so whatever was stamped before this began is either given here or in one of the two.
    """
    now_ms, taken, first = clock.now_ms(), set[str](), True
    while fresh := [path for path in _listed(folder, kind) if sealed_name(path).name not in taken]:
        # Segments that were opened meanwhile hold nothing older; without this a busy journal would have no end.
        mine = [path for path in fresh if first or _opened_ms(path) <= now_ms]
        if not mine:
            return
        for path in mine:
            taken.add(sealed_name(path).name)
            data = _read(path)
            if data:
                yield sealed_name(path).name, data
        first = False


def read_aside(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The segments that were set aside, by name."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file():
            yield path.name, path.read_bytes()


def write_segment(path: Path, data: bytes) -> None:
    """Put a segment back, durably, under its name only when it is whole."""
    private.make_folder(path.parent)
    draft = path.with_name(path.name + ".draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        sync(file.fileno())
    draft.rename(path)
    sync_path(path.parent)


def _listed(folder: Folder, kind: Kind) -> list[Path]:
    # In this order none that gets its next name meanwhile is missed.
    paths = {*folder.spares(), *folder.open(), *folder.sealed()}
    return sorted(path for path in paths if kind_of(path) is kind)


def _read(path: Path) -> bytes:
    """What a segment holds; nothing when it is gone. It may be sealed between the listing and this."""
    for name in (path, sealed_name(path)):
        try:
            data = name.read_bytes()
        except FileNotFoundError:
            continue
        return data if is_sealed(name) else _whole(data)
    return b""


def _whole(data: bytes) -> bytes:
    """Up to the end of the last whole frame: its writer may be at the next one."""
    ends = [part.offset + part.size for part in walk(data) if isinstance(part, Frame)]
    return data[: max(ends, default=0)]


def _opened_ms(path: Path) -> int:
    return int(path.name.partition("-")[0])
