"""The location of a backup: a folder, or a prefix in an object store."""

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
# What the library writes before its words, and where it asks for the credentials of a machine in a cloud.
_KIND = re.compile(r"^(Generic \w+ error: )+")
_METADATA_ADDRESS = "169.254.169.254"
# The smallest part that object stores accept in a multipart upload, and how many are in memory at once.
_CHUNK_BYTES = 5 * 1024 * 1024
_CHUNKS_AT_ONCE = 4
_READ_BYTES = 1 << 20
# Seconds for which a failed request is retried.
_RETRY_TIMEOUT_S = 180


class BackupLocation:
    """`where` is a folder's path or a URL: file:///path, s3://bucket/prefix, gs://..., az://...

    With `make`, makes a missing folder, for its owner alone, but not inside the folder `outside_of`. An object is whole
    or absent, and durable after `sync`. Raises BackupRefused for a location that cannot be used; the methods raise
    LocationFailed.
    """

    def __init__(self, where: str, *, make: bool = False, outside_of: Path | None = None) -> None:
        self.where = where
        self._root = _folder(where)
        if self._root is None:
            try:
                self._store: ObjectStore = open_store(where, _RETRY_TIMEOUT_S)
            except (BaseError, ValueError) as error:
                raise BackupRefused(f"{where}: {_in_words(error)}") from error
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
        except FileNotFoundError as error:
            raise BackupRefused(f"there is no folder {where}") from error
        except OSError as error:
            raise BackupRefused(f"{where} cannot be used: {error.strerror}") from error
        except BaseError as error:
            raise BackupRefused(f"{where} is no folder that can be used") from error

    @property
    def name(self) -> str:
        """The location as it can be named from anywhere on this machine."""
        return self.where if self._root is None else str(self._root)

    def read(self, name: str) -> bytes | None:
        """A whole object; None when there is none."""
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
        """The sizes in bytes of the parts in this location, by their SHA-256."""
        with self._explained():
            listed = [item for batch in obstore.list(self._store, prefix=PARTS) for item in batch]
        names = {item["path"].removeprefix(f"{PARTS}/"): int(item["size"]) for item in listed}
        return {name: size for name, size in names.items() if _is_sha256(name)}

    def put(self, name: str, data: bytes) -> None:
        """Write an object, or replace it."""
        with self._explained():
            obstore.put(self._store, name, data)
            self._sync_object(name)

    async def put_blocks(self, name: str, blocks: AsyncIterator[bytes]) -> None:
        """Write an object of any size. An exception of `blocks` is raised again, and leaves no object.

        It is asynchronous because the blocks may come from another object store, and the library cannot read from a
        store on the thread on which it writes to another.
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
            self._sync_object(name)

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects that exist."""
        with self._explained():
            obstore.delete(self._store, list(names))

    @property
    def lists_only_durable(self) -> bool:
        """Whether every listed object is durable. In a folder, a power cut may leave files that are not."""
        return self._root is None

    def sync(self) -> None:
        """Make the entries of all written objects durable. Object stores do it by themselves."""
        if self._root is not None:
            with self._explained():
                for folder in (self._root / PARTS, self._root, self._root.parent):
                    if folder.exists():
                        sync_path(folder)

    def _sync_object(self, name: str) -> None:
        if self._root is not None:
            sync_path(self._root / name)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise LocationFailed(f"{self.where}: {_in_words(error)}") from error


def part_name(sha256: str) -> str:
    """The name of a part: the SHA-256 of its content, so that equal parts are one object."""
    return f"{PARTS}/{sha256}"


def _folder(where: str) -> Path | None:
    """The folder of a location; None for an object store. Raises BackupRefused."""
    if found := _ONE_SLASH.match(where):
        raise BackupRefused(f"{where}: a URL has two slashes after its colon, as in {found[1]}://...")
    if "://" not in where:
        return Path(where).absolute()
    parts = urlsplit(where)
    if parts.scheme not in SCHEMES:
        raise BackupRefused(f"{where}: name a folder, or a URL that begins with {', '.join(SCHEMES)}")
    if parts.scheme == "file":
        return folder_of(where)
    if not parts.hostname:
        raise BackupRefused(f"{where}: name a bucket too, as in {parts.scheme}://bucket/prefix")
    return None


def _is_sha256(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _in_words(error: Exception) -> str:
    """What a person needs of an error; the library appends its own structures, and names kinds of its own before."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    line = _KIND.sub("", (str(error).splitlines() or [type(error).__name__])[0])
    if _METADATA_ADDRESS in line:
        # Without credentials the library asks the cloud's machine for some, wherever it runs.
        return "no credentials were found: name them in the environment, such as AWS_ACCESS_KEY_ID"
    return line
