"""In which form the data of a folder is, so that an older version refuses the data of a newer one and changes nothing.

A service writes the numbers into `format.json` when it starts. A folder without that file was served by a version that
wrote none: its forms are the first ones. The state database keeps its own number, for several folders may share it.
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from footfall.settings import Settings
from footfall.system import files

# The form of segments: their names, frames and lines.
JOURNAL_FORMAT: Final = 1
# The last of the files in `store/schema`, by which the tables of events are made.
STORE_SCHEMA: Final = 9
_FILE: Final = "format.json"


class DataFormat(Struct, frozen=True, kw_only=True):
    """The version that served a folder last, the numbers of its forms, and its release of the engine's library."""

    footfall: str
    journal: int = JOURNAL_FORMAT
    store: int = STORE_SCHEMA
    engine: str = ""


class DataTooNew(Exception):
    """The data of a folder was written by a later version; the text says which, and what to do."""


def own_format() -> DataFormat:
    """The forms of this version."""
    try:
        engine = version("chdb-core")
    except PackageNotFoundError:  # the events are on a server
        engine = ""
    return DataFormat(footfall=version("footfall"), engine=engine)


def read_format(folder: Path) -> DataFormat | None:
    """What the last service wrote; None where no service did, or a power cut emptied the file. Raises OSError."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=DataFormat)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None


def require_known(folder: Path) -> None:
    """Raise DataTooNew when the folder has data in a form that this version does not know. Raises OSError."""
    found = read_format(folder)
    if found is None:
        return
    newer = [
        f"{what} {theirs} (this version: {ours})"
        for what, theirs, ours in (
            ("journal format", found.journal, JOURNAL_FORMAT),
            ("schema of the store", found.store, STORE_SCHEMA),
        )
        if theirs > ours
    ]
    if newer:
        raise DataTooNew(
            f"{folder.absolute()} was served by footfall {found.footfall}, a later version than this one "
            f"({version('footfall')}): it has {', '.join(newer)}. Install the later version again"
        )


def note_format(settings: Settings) -> None:
    """Write down that this version serves the folder, where that is news. Raises OSError."""
    own = own_format()
    if read_format(settings.data) != own:
        files.replace_durably(settings.data / _FILE, msgspec.json.encode(own))
