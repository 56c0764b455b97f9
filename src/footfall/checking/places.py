"""Where a node's segments are: in the journal, in the archive, set aside."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from footfall.journal import OPEN, SEALED, SPARE, Folder, Kind, is_sealed, kind_of
from footfall.loading import Archive, opened_ms
from footfall.settings import Settings

# What was set aside while it was open still says so.
_ENDINGS = (SEALED, OPEN)


class State(StrEnum):
    """What has become of a segment so far."""

    OPEN = "open"
    SEALED = "sealed"
    ARCHIVED = "archived"
    ASIDE = "aside"


class Segment(Struct, frozen=True):
    """A segment's file, which may have moved on since it was listed."""

    path: Path
    state: State

    @property
    def kind(self) -> Kind:
        """What its lines are."""
        return kind_of(self.path)

    @property
    def opened_ms(self) -> int:
        """When it was opened: nothing in it was stamped before."""
        return opened_ms(self.path)

    @property
    def size(self) -> int:
        """Its bytes; none when it has moved on."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0


class NoData(Exception):
    """There is no node's data where the settings say."""


class Places:
    """The folders of one node's segments. Raises NoData where there are none, rather than make new ones."""

    def __init__(self, settings: Settings) -> None:
        data = settings.data.resolve()
        if not (data / "journal").is_dir():
            raise NoData(f"{data} is no data folder: it has no journal; is data_dir right?")
        self.data = data
        self.journal = data / "journal"
        self.archive = Archive(data / "archive", settings.archive_days)
        self.aside = data / "aside"
        # The originals of what was repaired. Nothing reads them; whoever wants the room may remove them.
        self.repaired = data / "repaired"

    def waiting(self) -> list[Segment]:
        """What the journal holds, oldest first; of spares those with frames, as a crash may leave them."""
        folder = Folder(self.journal)
        begun = [path for path in folder.spares() if _begins(path)]
        states = ((State.OPEN, begun), (State.OPEN, folder.open()), (State.SEALED, folder.sealed()))
        return sorted((Segment(path, state) for state, paths in states for path in paths), key=_age)

    def archived(self, days: int | None = None) -> Iterator[Segment]:
        """What the archive holds, oldest first; with `days`, only so many of its last days."""
        folders = self.archive.days()
        for day in folders[-days:] if days else folders:
            yield from (Segment(path, State.ARCHIVED) for path in _segments(day))

    def lost(self, days: int | None = None) -> list[Segment]:
        """What the archive should hold and does not, oldest first; with `days`, only of so many of its last days."""
        folders = self.archive.days()
        first = folders[-days].name if days and days < len(folders) else ""
        return [Segment(path, State.ARCHIVED) for path in self.archive.lost() if path.parent.name >= first]

    def names(self, segments: list[Segment]) -> tuple[str, ...]:
        """Segments as they are named from the data folder on."""
        return tuple(str(segment.path.relative_to(self.data)) for segment in segments)

    def put_aside(self) -> list[Segment]:
        """What was set aside, oldest first."""
        return [Segment(path, State.ASIDE) for path in _segments(self.aside)] if self.aside.is_dir() else []

    def find(self, path: Path) -> Segment | None:
        """The segment of this file; None where the file is in none of the places."""
        path = path.resolve()
        parents = {self.journal.resolve(): State.SEALED, self.aside.resolve(): State.ASIDE}
        parents |= {day.resolve(): State.ARCHIVED for day in self.archive.days()}
        state = parents.get(path.parent)
        if state is None or not path.name.endswith((*_ENDINGS, SPARE)) or not path.is_file():
            return None
        return Segment(path, State.OPEN if state is State.SEALED and not is_sealed(path) else state)


def _segments(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS))


def _begins(path: Path) -> bool:
    """Whether there is something else than zeros."""
    try:
        with path.open("rb") as file:
            return file.read(1) not in (b"", b"\0")
    except FileNotFoundError:
        return False


def _age(segment: Segment) -> str:
    return segment.path.name
