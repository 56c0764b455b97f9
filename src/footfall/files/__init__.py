"""Files in an object store or a folder: whole or absent, on disk when they are said to be.

And removed without a busy disk."""

from footfall.files.object_store import OWNER, Files, FilesAway, FilesFailed

__all__ = [
    "OWNER",
    "Files",
    "FilesAway",
    "FilesFailed",
]
