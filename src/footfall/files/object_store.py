"""Files in an object store, by default a folder: whole or absent, and on disk when they are said to be."""

import contextlib
import re
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from msgspec import Struct
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore, from_url

from footfall.files import local
from footfall.files.paced_delete import PacedDelete
from footfall.settings import Settings, object_stores
from footfall.settings.object_stores import Destination
from footfall.system import files
from footfall.system.files import sync_path
from footfall.system.process import CannotServe

# What object stores take in a multipart upload: 10,000 parts, and so files of 78 GiB; a few are held in memory at once.
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 3
READ_BYTES = 256 * 1024
# Seconds for which a question is asked again at the most: a client waits for the answer, and keeps a thread.
ASKED_TIMEOUT_S = 5
# Seconds for which S3 signs at the most.
SIGNED_MOST_S = 7 * 86_400
# The metadata under which an object says whose it is; stores differ in what else than letters they take.
OWNER = "footfall"

# A whole answer may take long, because it is read as quickly as a client downloads; a silent store may not.
_CONNECTION = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "1day"}
# The part of a URL that may hold a signature.
_QUERY = re.compile(r"(https?://[^\s?]*)\?\S+")
# How S3, Google and Azure name an error in the body of their answers.
_CODE = re.compile(r"<Code>(\w+)</Code>")
_DETAIL_CHARS_MAX = 500


class FilesFailed(OSError):
    """Files cannot be written or read; its text is for the log, `reason` for who asked, and neither has a secret."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class FilesAway(FilesFailed):
    """The place cannot be reached, or has a fault of its own: another try may well succeed."""


class StoredFile(Struct, frozen=True):
    """A file that is there: its size in bytes, and whose it says it is, where the place can note that."""

    size: int
    owner: str | None


class Files:
    """A place for files: what `files_url` names, or a destination. Paths are relative, with slashes.

    All but `read` block and belong on a thread. They raise FilesFailed. Opening raises CannotServe.
    """

    def __init__(self, settings: Settings, destination: str | None = None) -> None:
        place = _default(settings) if destination is None else settings.destinations[destination]
        self._name = "the object store of report files" if destination is None else f"the destination {destination!r}"
        self._options = place.options
        # What somebody else takes from a folder of his own has the modes that files have there.
        self._is_own = destination is None
        self._presigns = place.presign and not place.url.startswith("file:") and not _is_anonymous(place)
        self._root: Path | None = None
        self._data = settings.data
        self._kept_bytes = settings.disk_free_bytes_min + settings.report_disk_spare_bytes
        self._freeing = PacedDelete()
        self._store: ObjectStore
        # The same, for questions.
        self._asked: ObjectStore
        try:
            if place.url.startswith("file:"):
                self._root = _make_root(place.url)
                self._store = self._asked = LocalStore(self._root)
            else:
                self._store = _open(place, settings.files_timeout_s)
                self._asked = _open(place, min(settings.files_timeout_s, ASKED_TIMEOUT_S))
        except (BaseError, OSError, ValueError) as error:
            raise CannotServe(f"{self._name} cannot be opened: {self._detail(error)}") from None

    def put(self, path: str, blocks: Iterator[bytes], attributes: Mapping[str, str] | None = None) -> int:
        """Write a file from its blocks and return its size in bytes; it is there only when all of it is durable.

        An exception of `blocks` leaves no file, and comes through. The blocks are taken on the calling thread, and at
        most a few parts of them are in memory. A folder keeps no attributes.
        """
        source = _Source(blocks)
        kept: Any = dict(attributes or {}) if self._root is None else None
        try:
            if self._root is not None:
                local.write_file(
                    self._root, path, source.blocks(), self._free_bytes_min(self._root), is_own=self._is_own
                )
            else:
                obstore.put(
                    self._store,
                    path,
                    source.blocks(),
                    attributes=kept or None,
                    use_multipart=True,
                    chunk_size=PART_BYTES,
                    max_concurrency=PARTS_AT_ONCE,
                )
        except (BaseError, OSError, ValueError) as error:
            if source.failed:
                raise
            # Where only the answer to the last request was lost, its repetition finds no upload: the file is there.
            expected = StoredFile(source.bytes, (kept or {}).get(OWNER))
            lost = source.ended and isinstance(error, FileNotFoundError) and expected.owner is not None
            if not (lost and self.find(path) == expected):
                raise self._failed(error) from None
        if self.size(path) != source.bytes:
            raise FilesFailed(f"in {self._name} another file was written in the place of the report's")
        return source.bytes

    def size(self, path: str) -> int | None:
        """The file's size in bytes, or None where there is none."""
        with self._explained():
            try:
                return int(obstore.head(self._store, path)["size"])
            except (NotFoundError, FileNotFoundError):
                return None

    def find(self, path: str) -> StoredFile | None:
        """What is there; None where there is no file."""
        with self._explained():
            try:
                found = obstore.get(self._asked, path, options={"head": True})
                return StoredFile(int(found.meta["size"]), found.attributes.get(OWNER))
            except (NotFoundError, FileNotFoundError):
                return None

    async def read(self, path: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """The file's bytes from `start` up to but without `end`. Whoever leaves off must close it."""
        if start >= end:
            return
        with self._explained():
            found: Any = await obstore.get_async(self._store, path, options={"range": (start, end)})
            stream: Any = found.stream(min_chunk_size=READ_BYTES)
        try:
            while True:
                with self._explained():
                    chunk = await anext(stream, None)
                if chunk is None:
                    return
                yield bytes(chunk)
        finally:
            # They have the file open, and an exception on its way may keep them until the collector runs.
            found = stream = None

    def link(self, path: str, ttl_s: int) -> str | None:
        """A URL of the store itself, good without credentials for `ttl_s`.

        None for a folder, where the settings do not want it, and where the store's credentials cannot sign.
        """
        if not self._presigns:
            return None
        store: Any = self._asked
        try:
            return str(obstore.sign(store, "GET", path, timedelta(seconds=min(ttl_s, SIGNED_MOST_S))))
        except (BaseError, ValueError):
            return None

    def delete(self, folder: str) -> None:
        """Remove a folder with all that is in it, half-written files too; nothing happens where there is none."""
        if self._root is not None:
            self._freeing.remove_all(self._root / folder)
            return
        with self._explained():
            for batch in obstore.list(self._store, prefix=folder):
                obstore.delete(self._store, [item["path"] for item in batch])

    def sweep(self, path: str) -> None:
        """Remove what writers that are dead left of a file in a folder; object stores keep nothing half written."""
        if self._root is not None:
            local.sweep_folder(self._root / path)

    def remove(self, path: str) -> None:
        """Remove one file; nothing happens where there is none."""
        with self._explained(), contextlib.suppress(NotFoundError, FileNotFoundError):
            if self._root is not None:
                self._freeing.remove(self._root / path)
            else:
                obstore.delete(self._store, path)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise self._failed(error) from None

    def _free_bytes_min(self, root: Path) -> int:
        """Bytes of the folder's disk that are not for reports: none of one on which no events are kept."""
        try:
            shared = self._data.stat().st_dev == root.stat().st_dev
        except FileNotFoundError:
            return 0
        return self._kept_bytes if shared else 0

    def _failed(self, error: Exception) -> FilesFailed:
        """What became of a file, without the secrets that a library's message may hold."""
        if isinstance(error, local.DiskNearlyFull):
            return FilesFailed(str(error))
        detail = self._detail(error)
        if self._root is not None:
            return FilesFailed("the report's file could not be written", detail)
        match error:
            case UnauthenticatedError() | PermissionDeniedError() | PermissionError():
                return FilesFailed(f"{self._name} does not let the service in with its credentials", detail)
            case NotFoundError() | FileNotFoundError():
                return FilesFailed(f"{self._name} has no such bucket, or the file was removed", detail)
            case _ if "status code: 4" in detail or isinstance(error, ValueError):
                return FilesFailed(f"{self._name} refused what was asked of it", detail)
            case _:
                return FilesAway(f"{self._name} could not be reached", detail)

    def _detail(self, error: Exception) -> str:
        """The first line, behind which the library puts its structures, and the store's own word for what is wrong."""
        text = str(error) or type(error).__name__
        line = _QUERY.sub(r"\1?...", text.splitlines()[0])[:_DETAIL_CHARS_MAX]
        code = _CODE.search(text)
        return object_stores.scrub(f"{line} {code[1]}" if code else line, self._options)


class _Source:
    """Counts the blocks of a file as they pass, and notes whether they came to their end."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.bytes = 0
        self.ended = False
        self.failed = False

    def blocks(self) -> Generator[bytes]:
        try:
            for block in self._blocks:
                self.bytes += len(block)
                yield block
        except Exception:
            self.failed = True
            raise
        self.ended = True


def _default(settings: Settings) -> Destination:
    url = settings.files_url or (settings.data.absolute() / "files").as_uri()
    return Destination(url=url, options=settings.files_options, presign=settings.files_presign)


def _is_anonymous(place: Destination) -> bool:
    """Whether nothing is signed: looking for credentials all the same would only take time."""
    return str(place.options.get("skip_signature", "")).lower() == "true"


def _open(place: Destination, timeout_s: int) -> ObjectStore:
    """A store elsewhere; nothing is sent to it yet."""
    options = {name: value if isinstance(value, str) else str(value).lower() for name, value in place.options.items()}
    connection = {name: value for name, value in options.items() if name in object_stores.CONNECTION_OPTIONS}
    config: Any = {name: value for name, value in options.items() if name not in connection}
    client: Any = _CONNECTION | connection
    # How often is bounded by the time alone.
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2}
    retry: Any = {"max_retries": 1_000, "retry_timeout": timedelta(seconds=timeout_s), "backoff": backoff}
    return from_url(place.url, config=config, client_options=client, retry_config=retry)


def _make_root(url: str) -> Path:
    """The folder that a URL means, for its owner alone where it has to be made."""
    root = Path(unquote(urlsplit(url).path))
    files.make_folder(root)
    sync_path(root.parent)
    return root
