"""Downloads that go on where they stopped, and whose bytes are checked.

A file under way is `NAME.ETAG.part` beside its place, so that a later run finds it, and another file never goes on from
it. The ETag of a report's file is its SHA-256.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from footfall_client.answers import Answer
from footfall_client.calls import Pause, Request, Steps, Work, exchange
from footfall_client.errors import DownloadDamaged, ServiceError
from footfall_client.transport import Unreachable

OnBytes = Callable[[int, int], None]  # bytes that are there, bytes in all
_TRIES_MAX: Final = 10  # without a byte of progress between them
_PAUSE_S: Final = 0.5
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class _Part:
    """The file under way, to which answers are appended."""

    def __init__(self, path: Path, size: int, on_bytes: OnBytes | None) -> None:
        self._path = path
        self._size = size
        self._on_bytes = on_bytes
        self._digest = hashlib.sha256()
        self._file: IO[bytes] = path.open("a+b")
        self.there = 0

    def load(self) -> None:
        """Hash what an earlier run has left."""
        self._file.seek(0)
        while piece := self._file.read(1 << 20):
            self._digest.update(piece)
            self.there += len(piece)

    def begin(self, status: int) -> None:
        if status != 206:
            self.restart()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._digest.update(piece)
        self.there += len(piece)
        if self._on_bytes is not None:
            self._on_bytes(self.there, self._size)

    def restart(self) -> None:
        self._file.truncate(0)
        self._digest = hashlib.sha256()
        self.there = 0

    def finish(self, checksum: str, place: Path) -> None:
        """Check the bytes, and move the file to its place once it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        found = self._digest.hexdigest()
        if found != checksum:
            self._path.unlink()
            message = f"the SHA-256 of the file is {found}, and should be {checksum}"
            raise DownloadDamaged(message)
        self._path.replace(place)

    def close(self) -> None:
        self._file.close()


def save(link: str, path: str | os.PathLike[str], on_bytes: OnBytes | None = None) -> Steps[Path]:
    """Save the file of a link at `path`, or under its own name where that is a folder."""
    head = yield from _follow(Request("HEAD", "", url=link))
    checksum = head.headers.get("etag", "").strip('"')
    size = int(head.headers.get("content-length", "0"))
    place = Path(path)
    if place.is_dir():
        place /= own_name(link)
    part = _Part(place.with_name(f"{place.name}.{checksum[:16]}.part"), size, on_bytes)
    try:
        yield Work(part.load)
        if part.there > size:
            part.restart()
        yield from _fill(link, part, checksum, size)
        yield Work(lambda: part.finish(checksum, place))
    finally:
        part.close()
    return place


def own_name(link: str) -> str:
    """The name of a link's file: never one that is hidden or leads elsewhere, whatever the service says."""
    return link.partition("?")[0].rsplit("/", 1)[-1].lstrip(".") or "report"


def _fill(link: str, part: _Part, checksum: str, size: int) -> Steps[None]:
    """Ask for what is missing, until nothing is."""
    tries = 0
    while part.there < size:
        before = part.there
        asked = {"Range": f"bytes={before}-", "If-Range": f'"{checksum}"'} if before else {}
        try:
            yield from _follow(Request("GET", "", url=link, headers=asked, sink=part))
        except Unreachable:
            tries = tries + 1 if part.there <= before else 0
            if tries >= _TRIES_MAX:
                raise
            yield Pause(_PAUSE_S)


def _follow(request: Request) -> Steps[Answer]:
    """The answer at the end of redirects: an object store may serve the file itself."""
    answer: Answer = yield from _once(request)
    for _ in range(3):
        if answer.status not in _REDIRECTS:
            return answer
        place = answer.headers["location"]
        answer = yield from _once(Request(request.method, "", url=place, headers=request.headers, sink=request.sink))
    raise ServiceError(answer.status, "", "too many redirects")


def _once(request: Request) -> Steps[Answer]:
    """A download is tried again by who counts its bytes; its head by `exchange`."""
    if request.sink is None:
        return (yield from exchange(request))
    answer: Any = yield request
    if answer.status >= 400:
        raise ServiceError(answer.status, "", answer.body[:200].decode("utf-8", "replace"))
    return answer  # type: ignore[no-any-return]
