"""How far a file was sent, in the user's folder for state: a run that was stopped goes on from there.

Nothing depends on it for counting once: without it, the same requests are sent again under the same keys. It saves
their time, and it knows where a file ended that has grown since.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec
from msgspec import Struct

from footfall.cli.remote.event_files import STDIN
from footfall.system import files

_VERSION: Final = 1


class SentProgress(Struct, frozen=True):
    """All rows before `end` were answered, and `digest` is the hash of the text up to there; with numbers of events."""

    end: int = 0
    digest: str = ""
    accepted: int = 0
    quarantined: int = 0
    refused: int = 0
    version: int = _VERSION


class SentState:
    """The progress of one file to one service."""

    def __init__(self, url: str, name: str, signature: bytes) -> None:
        self._path: Path | None = None
        if name != STDIN:
            place = str(Path(name).resolve()).encode("utf-8", "surrogateescape")
            which = hashlib.sha256(b"\0".join((url.encode(), place, signature))).hexdigest()[:32]
            self._path = _folder() / f"{which}.json"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep another run from sending the same file meanwhile; ends the command when one does."""
        if self._path is None:
            yield
            return
        files.make_folder(self._path.parent)
        with files.lock_file(self._path.with_suffix(".lock")) as is_ours:
            if not is_ours:
                raise click.ClickException("another command is sending this file to this service now")
            yield

    def read(self) -> SentProgress:
        """Where the last run was; the start where there was none."""
        if self._path is None:
            return SentProgress()
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=SentProgress)
        except (OSError, msgspec.DecodeError):
            return SentProgress()
        return found if found.version == _VERSION else SentProgress()

    def write(self, progress: SentProgress) -> None:
        """Keep how far the file is. A full disk keeps no event from being sent."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                files.replace_file(self._path, msgspec.json.encode(progress))


def _folder() -> Path:
    given = os.environ.get("XDG_STATE_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    return base / "footfall" / "sent"
