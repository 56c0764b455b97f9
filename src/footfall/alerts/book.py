"""Which alerts go on and which messages wait, in a file, so that a restart neither tells one twice nor loses one."""

import logging
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.alerts.conditions import Alert
from footfall.system import files

log = logging.getLogger(__name__)

# In the data folder; only the worker of the node writes it.
BOOK = "run/alerts.json"


class Firing(Struct):
    """An alert that was told; `gone` is how many looks have not found it since."""

    alert: Alert
    since_ms: int
    gone: int = 0


class Message(Struct):
    """A message that waits to be sent; `body` is JSON and stays as it is, whatever is tried."""

    id: str
    body: str
    made_ms: int
    tries: int = 0
    due_ms: int = 0


class Book(Struct):
    """Alerts by key, and messages in the order in which they were made."""

    firing: dict[str, Firing] = {}
    waiting: list[Message] = []

    def write(self, folder: Path) -> None:
        """Write the file of a data folder. A disk that is full must not prevent alerts: they are sent all the same."""
        try:
            files.make_folder((folder / BOOK).parent)
            files.replace_file(folder / BOOK, msgspec.json.encode(self))
        except OSError as error:
            log.warning("which alerts were told cannot be kept: %s", error)


def read_book(folder: Path) -> Book:
    """The book of a data folder; an empty one when there is none, or it cannot be read."""
    try:
        return msgspec.json.decode((folder / BOOK).read_bytes(), type=Book)
    except FileNotFoundError:
        return Book()
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        log.warning("which alerts were told cannot be read, so that some may be told again: %s", error)
        return Book()
