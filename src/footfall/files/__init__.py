"""Files in an object store or a folder: whole or absent, durable once written, removed in small steps."""

from footfall.files.object_store import OWNER, Files, FilesAway, FilesFailed, folder_of, open_store

__all__ = [
    "OWNER",
    "Files",
    "FilesAway",
    "FilesFailed",
    "folder_of",
    "open_store",
]
