"""Report files in an object store, by default a folder: whole or absent, and on disk when they are said to be."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from footfall.settings import Settings

# The least part that object stores take in a multipart upload, and how many are held in memory at once.
PART_BYTES = 5 * 1024 * 1024
PARTS_AT_ONCE = 4
READ_BYTES = 256 * 1024


class Files:
    """What `files_url` names; paths are relative, with slashes. All but `read` block and belong on a thread."""

    def __init__(self, settings: Settings) -> None:
        self._root = _local_root(settings)
        if self._root is not None:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            _fsync(self._root.parent)
            self._store: ObjectStore = LocalStore(self._root)
        else:
            self._store = from_url(settings.files_url)

    def put(self, path: str, blocks: Iterator[bytes]) -> int:
        """Write a file from its blocks and return its size in bytes; it is there only when all of it is durable.

        An exception of `blocks` leaves no file, and comes through. The blocks are taken on the calling thread, and at
        most a few parts of them are in memory.
        """
        obstore.put(self._store, path, blocks, use_multipart=True, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        if self._root is not None:
            _sync(self._root, path)
        return int(obstore.head(self._store, path)["size"])

    def size(self, path: str) -> int | None:
        """The file's size in bytes, or None where there is none."""
        try:
            return int(obstore.head(self._store, path)["size"])
        except (NotFoundError, FileNotFoundError):
            return None

    async def read(self, path: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The file's bytes from `start` up to but without `end`."""
        if start >= end:
            return
        found = await obstore.get_async(self._store, path, options={"range": (start, end)})
        async for chunk in found.stream(min_chunk_size=READ_BYTES):
            yield bytes(chunk)

    def delete(self, folder: str) -> None:
        """Remove a folder with all that is in it, half-written files too; nothing happens where there is none."""
        if self._root is not None:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self._root / folder)
            return
        for batch in obstore.list(self._store, prefix=folder):
            obstore.delete(self._store, [item["path"] for item in batch])


def _local_root(settings: Settings) -> Path | None:
    """The folder where the files are; None when they are in an object store elsewhere."""
    if not settings.files_url:
        return settings.data.absolute() / "files"
    if settings.files_url.startswith("file://"):
        return LocalStore.from_url(settings.files_url, mkdir=True).prefix
    return None


def _sync(root: Path, path: str) -> None:
    """Make a written file durable, with the folders that were made for it: obstore leaves all of that to the kernel."""
    file = root / path
    _fsync(file)
    for folder in file.relative_to(root).parents:
        _fsync(root / folder)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
