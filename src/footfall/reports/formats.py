"""The formats of a report's file: what each may be compressed with, and how such a file is called."""

FORMATS = ("csv", "jsonl", "parquet", "arrow")
# Those whose rows are lines of text, and whose file as a whole is compressed.
TEXTS = ("csv", "jsonl")
# The first is what a request gets that names none. Parquet and Arrow compress inside of the file, each what it knows.
COMPRESSIONS = {
    "csv": ("none", "gzip", "zstd"),
    "jsonl": ("none", "gzip", "zstd"),
    "parquet": ("zstd", "gzip", "none"),
    "arrow": ("none", "zstd"),
}
_SUFFIXES = {"none": "", "gzip": ".gz", "zstd": ".zst"}
_MEDIA_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
}
_COMPRESSED_MEDIA_TYPES = {"gzip": "application/gzip", "zstd": "application/zstd"}


def suffix(file_format: str, compression: str) -> str:
    """How the file's name ends, without the first dot, such as `csv.gz`."""
    return file_format + (_SUFFIXES[compression] if file_format in TEXTS else "")


def media_type(file_format: str, compression: str) -> str:
    """The media type of the file; of a compressed text, that of the compression, which is what a client gets."""
    if file_format in TEXTS and compression in _COMPRESSED_MEDIA_TYPES:
        return _COMPRESSED_MEDIA_TYPES[compression]
    return _MEDIA_TYPES[file_format]
