"""Where a backup is kept: a folder or a bucket of an object store, through one library."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from footfall.backup.errors import BackupRefused, LocationFailed
from footfall.files import folder_of, open_store
from footfall.system import files
from footfall.system.files import sync_path

PARTS = "parts"
SCHEMES = ("file", "s3", "gs", "az")
# Somebody meant a URL; a folder whose name ends in a colon can be given as ./s3:/...
_ONE_SLASH = re.compile(rf"({'|'.join(SCHEMES)}):(?!//)")
# The least part that object stores take in a multipart upload, and how many are held in memory at once.
_CHUNK_BYTES = 5 * 1024 * 1024
_CHUNKS_AT_ONCE = 4
_READ_BYTES = 1 << 20
# Seconds for which a failed request is retried.
_RETRY_TIMEOUT_S = 180


class BackupLocation:
    """`where` is a folder's path or a URL: file:///path, s3://bucket/prefix, gs://..., az://...

    With `make` a folder that is not there is made, for its owner alone, but none in the folder `outside_of`. An object
    is whole or absent, and durable after `settle`. Raises BackupRefused for a place that cannot be one; the methods
    raise LocationFailed.
    """

    def __init__(self, where: str, *, make: bool = False, outside_of: Path | None = None) -> None:
        self.where = where
        self._root = _folder(where)
        if self._root is None:
            try:
                self._store: ObjectStore = open_store(where, _RETRY_TIMEOUT_S)
            except (BaseError, ValueError) as error:
                raise BackupRefused(f"{where}: {_line(error)}") from error
            return
        if outside_of is not None and self._root.resolve().is_relative_to(outside_of.resolve()):
            # One fault of the disk would take both, and the next backup would hold this one.
            raise BackupRefused(f"{where} is in the data folder {outside_of.absolute()}: name a place outside of it")
        if self._root.exists() and not self._root.is_dir():
            raise BackupRefused(f"{where} is no folder")
        try:
            if make:
                files.make_folder(self._root)
            self._root.stat()
            self._store = LocalStore(self._root)
        except OSError as error:
            raise BackupRefused(f"{where} cannot be used: {error.strerror}") from error
        except BaseError as error:
            raise BackupRefused(f"{where} is no folder that can be used") from error

    def read(self, name: str) -> bytes | None:
        """A whole object; None where there is none."""
        with self._explained():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def blocks(self, name: str) -> Iterator[bytes]:
        """An object's bytes."""
        with self._explained():
            for block in obstore.get(self._store, name).stream(min_chunk_size=_READ_BYTES):
                yield bytes(block)

    def sizes(self) -> dict[str, int]:
        """The size of each part that is there, by its SHA-256."""
        with self._explained():
            listed = [item for batch in obstore.list(self._store, prefix=PARTS) for item in batch]
        names = {item["path"].removeprefix(f"{PARTS}/"): int(item["size"]) for item in listed}
        return {name: size for name, size in names.items() if _is_sha256(name)}

    def put(self, name: str, data: bytes) -> None:
        """Write an object, over an older one."""
        with self._explained():
            obstore.put(self._store, name, data)
            self._sync(name)

    async def put_blocks(self, name: str, blocks: AsyncIterator[bytes]) -> None:
        """Write an object of any size; an exception of `blocks` leaves none, and comes through.

        Asynchronous, because the blocks may come from another object store: while the library writes on a thread, it
        cannot read on it unless that is asynchronous too.
        """
        with self._explained():
            await obstore.put_async(
                self._store,
                name,
                blocks,
                use_multipart=True,
                chunk_size=_CHUNK_BYTES,
                max_concurrency=_CHUNKS_AT_ONCE,
            )
            self._sync(name)

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects that are there."""
        with self._explained():
            obstore.delete(self._store, list(names))

    @property
    def settles(self) -> bool:
        """Whether an object that is listed is durable whoever wrote it: not so in a folder, after a power cut."""
        return self._root is None

    def settle(self) -> None:
        """Make durable that what was written is there: object stores do it by themselves."""
        if self._root is not None:
            with self._explained():
                for folder in (self._root / PARTS, self._root, self._root.parent):
                    if folder.exists():
                        sync_path(folder)

    def _sync(self, name: str) -> None:
        if self._root is not None:
            sync_path(self._root / name)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise LocationFailed(f"{self.where}: {_line(error)}") from error


def part_name(sha256: str) -> str:
    """Where a part lies: under the SHA-256 of its content, so that equal ones are kept once."""
    return f"{PARTS}/{sha256}"


def _folder(where: str) -> Path | None:
    """The folder that is meant; None for an object store. Raises BackupRefused."""
    if found := _ONE_SLASH.match(where):
        raise BackupRefused(f"{where}: a URL has two slashes after its colon, as in {found[1]}://...")
    if "://" not in where:
        return Path(where).absolute()
    parts = urlsplit(where)
    if parts.scheme not in SCHEMES:
        raise BackupRefused(f"{where}: name a folder, or a URL that begins with {', '.join(SCHEMES)}")
    return folder_of(where) if parts.scheme == "file" else None


def _is_sha256(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _line(error: Exception) -> str:
    """The first line of a message; the library puts its own structures behind it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
