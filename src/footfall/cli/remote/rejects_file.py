"""The file of rejects: what was refused, one JSON object a line with the reason, to be mended and sent again."""

import hashlib
import json
import os
from pathlib import Path
from typing import IO, Any, Final, Self

import msgspec
from msgspec import Raw

from footfall.cli.remote.cutting import Reject
from footfall.cli.remote.event_files import STDIN
from footfall.system import files

_TEXT_MAX: Final = 65_536  # of a line that is no event; its place in the file tells the rest


def default_place(name: str) -> Path:
    """Beside the file that was sent; in the current folder for standard input."""
    return Path("stdin.rejects.jsonl") if name == STDIN else Path(f"{name}.rejects.jsonl")


class RejectsFile:
    """Made with the first reject; what an earlier run has written of the same rows is not written again."""

    def __init__(self, place: Path, source: str) -> None:
        self.place = place
        self.written = 0
        self._source = source
        self._file: IO[bytes] | None = None
        self._there: set[tuple[int, bytes]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, rejects: list[Reject]) -> None:
        """Append rejects, whole lines at once. Raises OSError."""
        if not rejects:
            return
        if self._file is None:
            self._file = self._open()
        lines = [self._line(one) for one in rejects]
        if self._there:
            lines = [line for line in lines if self._known(line) not in self._there]
        self._file.write(b"".join(lines))
        self._file.flush()
        self.written += len(lines)

    def _open(self) -> IO[bytes]:
        file = os.fdopen(files.open_file(self.place, os.O_RDWR), "r+b")
        end = 0
        for line in file:
            if not line.endswith(b"\n"):
                break  # a run was killed while it wrote this
            end += len(line)
            if known := self._known(line):
                self._there.add(known)
        file.truncate(end)
        file.seek(end)
        return file

    def _known(self, line: bytes) -> tuple[int, bytes] | None:
        """The row of a line: where it begins, and a hash of what it says, for the file may be another by now.

        None for a line that is not of this file.
        """
        try:
            found = json.loads(line)  # an event may have half a surrogate pair
            if found["file"] != self._source:
                return None
            said = json.dumps([found.get("event"), found.get("text")])
            return int(found["offset"]), hashlib.sha256(said.encode()).digest()
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None

    def _line(self, one: Reject) -> bytes:
        told: dict[str, Any] = {"file": self._source, "line": one.line, "offset": one.offset}
        told |= {name: value for name, value in (("code", one.code), ("path", one.path)) if value}
        told["reason"] = one.reason
        if one.code or _is_object(one.text):
            told["event"] = Raw(one.text)
        else:
            told["text"] = one.text[:_TEXT_MAX].decode("utf-8", "replace").rstrip("\r\n")
        return msgspec.json.encode(told) + b"\n"


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
