"""Files in an object store, by default a folder: whole or absent, and durable once written."""

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
from footfall.system.process import SettingsUnusable

# A multipart upload has 10,000 parts at most, so a file has 78 GiB at most. Memory holds PARTS_AT_ONCE parts.
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 3
READ_BYTES = 256 * 1024
# Seconds for which metadata requests are retried at most: a client waits for the answer, and a thread is busy.
METADATA_TIMEOUT_S = 5
# The longest time for which S3 signs a URL.
PRESIGNED_S_MAX = 7 * 86_400
# The key of an object's metadata that names its report. Stores agree only on letters in keys.
OWNER = "footfall"

# A whole answer may take long, because it is read at the pace of a client's download; a store may not be silent long.
_CONNECTION = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "1day"}
# The part of a URL that may hold a signature.
_QUERY = re.compile(r"(https?://[^\s?]*)\?\S+")
# The name of an error in the answers of S3, Google and Azure.
_CODE = re.compile(r"<Code>(\w+)</Code>")
_DETAIL_CHARS_MAX = 500


class FilesFailed(OSError):
    """Files cannot be written or read. The text is for the log, `reason` for the user; neither has a secret."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class FilesAway(FilesFailed):
    """The store cannot be reached, or has a fault of its own: another try may succeed."""


class StoredFile(Struct, frozen=True):
    """A file that exists: its size in bytes, and the report that its metadata name; a folder keeps no metadata."""

    size: int
    owner: str | None


class Files:
    """The files at `files_url`, or at a destination. Paths are relative, with slashes.

    All methods but `read` block and belong on a thread. All raise FilesFailed. Opening raises SettingsUnusable.
    """

    def __init__(self, settings: Settings, destination: str | None = None) -> None:
        target = _default(settings) if destination is None else settings.destinations[destination]
        self._name = "the object store of report files" if destination is None else f"the destination {destination!r}"
        self._options = target.options
        # Files at a destination get the usual modes, because others read them.
        self._is_own = destination is None
        self._presigns = target.presign and not target.url.startswith("file:") and not _is_anonymous(target)
        self._root: Path | None = None
        self._data = settings.data
        self._kept_bytes = settings.disk_free_bytes_min + settings.report_disk_spare_bytes
        self._deleter = PacedDelete()
        self._store: ObjectStore
        # The same store with shorter retries, for metadata.
        self._metadata_store: ObjectStore
        try:
            if target.url.startswith("file:"):
                self._root = _make_root(target.url)
                self._store = self._metadata_store = LocalStore(self._root)
            else:
                self._store = _open(target, settings.files_timeout_s)
                self._metadata_store = _open(target, min(settings.files_timeout_s, METADATA_TIMEOUT_S))
        except (BaseError, OSError, ValueError) as error:
            raise SettingsUnusable(f"{self._name} cannot be opened: {self._detail(error)}") from None

    def put(self, path: str, blocks: Iterator[bytes], attributes: Mapping[str, str] | None = None) -> int:
        """Write a file from its blocks and return its size in bytes; it exists only when all of it is durable.

        When `blocks` raises, there is no file, and the exception passes. The calling thread takes the blocks, and
        memory holds a few parts at most. A folder keeps no attributes.
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
            # When only the answer to the last request was lost, its retry finds no upload, and the file is there.
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
        """The file's size and owner; None where there is no file."""
        with self._explained():
            try:
                found = obstore.get(self._metadata_store, path, options={"head": True})
                return StoredFile(int(found.meta["size"]), found.attributes.get(OWNER))
            except (NotFoundError, FileNotFoundError):
                return None

    async def read(self, path: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """The file's bytes from `start` up to but without `end`. A caller that stops early must close it."""
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
            # These keep the file open, and a passing exception may keep them until the garbage collector runs.
            found = stream = None

    def link(self, path: str, ttl_s: int) -> str | None:
        """A presigned URL of the store, which works without credentials for `ttl_s`.

        None for a folder, where the settings switch it off, and where the store's credentials cannot sign.
        """
        if not self._presigns:
            return None
        store: Any = self._metadata_store
        try:
            return str(obstore.sign(store, "GET", path, timedelta(seconds=min(ttl_s, PRESIGNED_S_MAX))))
        except (BaseError, ValueError):
            return None

    def delete(self, folder: str) -> None:
        """Remove a folder with all files in it, unfinished ones too; a missing folder is no error."""
        if self._root is not None:
            self._deleter.remove_all(self._root / folder)
            return
        with self._explained():
            for batch in obstore.list(self._store, prefix=folder):
                obstore.delete(self._store, [item["path"] for item in batch])

    def sweep(self, path: str) -> None:
        """Remove unfinished files that dead writers left for this path; object stores keep none."""
        if self._root is not None:
            local.sweep_folder(self._root / path)

    def remove(self, path: str) -> None:
        """Remove one file; a missing file is no error."""
        with self._explained(), contextlib.suppress(NotFoundError, FileNotFoundError):
            if self._root is not None:
                self._deleter.remove(self._root / path)
            else:
                obstore.delete(self._store, path)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise self._failed(error) from None

    def _free_bytes_min(self, root: Path) -> int:
        """Bytes of the folder's disk that reports must leave free: 0 on a disk without the data folder."""
        try:
            shared = self._data.stat().st_dev == root.stat().st_dev
        except FileNotFoundError:
            return 0
        return self._kept_bytes if shared else 0

    def _failed(self, error: Exception) -> FilesFailed:
        """The error to raise, without the secrets that the library's message may have."""
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
        """The first line of the library's message, and the store's name of the error; dumps of structures follow it."""
        text = str(error) or type(error).__name__
        line = _QUERY.sub(r"\1?...", text.splitlines()[0])[:_DETAIL_CHARS_MAX]
        code = _CODE.search(text)
        return object_stores.scrub(f"{line} {code[1]}" if code else line, self._options)


class _Source:
    """Counts the bytes of a file as they pass, and records whether the blocks ended or failed."""

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


def _is_anonymous(target: Destination) -> bool:
    """Whether requests are not signed: then there are no credentials for a presigned URL."""
    return str(target.options.get("skip_signature", "")).lower() == "true"


def open_store(
    url: str, timeout_s: int, options: Mapping[str, str] | None = None, connection: Mapping[str, str] | None = None
) -> ObjectStore:
    """Open an object store; nothing is sent to it yet. A failed request is retried for `timeout_s`.

    Without `connection` the environment gives the options of the connection, such as AWS_ALLOW_HTTP; `connection`
    replaces all of them. Raises BaseError and ValueError.
    """
    # The time alone bounds the retries.
    backoff = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2}
    retry: Any = {"max_retries": 1_000, "retry_timeout": timedelta(seconds=timeout_s), "backoff": backoff}
    config: Any = dict(options or {})
    client: Any = None if connection is None else dict(connection)
    return from_url(url, config=config, client_options=client, retry_config=retry)


def folder_of(url: str) -> Path:
    """The folder that a URL with the scheme `file` names."""
    return Path(unquote(urlsplit(url).path))


def _open(target: Destination, timeout_s: int) -> ObjectStore:
    """Open the store of a destination with the options of the settings."""
    options = {name: value if isinstance(value, str) else str(value).lower() for name, value in target.options.items()}
    connection = {name: value for name, value in options.items() if name in object_stores.CONNECTION_OPTIONS}
    config = {name: value for name, value in options.items() if name not in connection}
    return open_store(target.url, timeout_s, config, _CONNECTION | connection)


def _make_root(url: str) -> Path:
    """The folder of a URL, made for its owner alone where it is missing."""
    root = folder_of(url)
    files.make_folder(root)
    sync_path(root.parent)
    return root
