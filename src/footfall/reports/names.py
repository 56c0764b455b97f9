"""How a report's file is called, and where it is kept."""

import re
from urllib.parse import quote

from footfall.reports.status import day
from footfall.state import Job
from footfall.wire import ReportFilter

NAME_PART_CHARS_MAX = 60  # File systems take 255 bytes for the whole name.
# S3 takes 1,024 bytes for a key with the prefix of its destination, and file systems 255 for each part of it.
KEY_BYTES_MAX = 800
KEY_PART_BYTES_MAX = 200
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
# The name of an unfinished file in a folder.
_UNFINISHED = re.compile(r"#\d+$")


def file_name(job_id: str, wanted: ReportFilter, started_ms: int, suffix: str) -> str:
    """A telling name in plain ASCII, such as `footfall-BARCHART-PORTFOLIO-2019-10-14-0527e342.csv`."""
    customer, product = (_ODD.sub("_", part)[:NAME_PART_CHARS_MAX] for part in (wanted.customer, wanted.product))
    return f"footfall-{customer}-{product}-{day(started_ms)}-{job_id[:8]}.{suffix}"


def folder(job_id: str) -> str:
    """Where all that belongs to a report is kept."""
    return job_id


def attempt_folder(job_id: str, attempt: int) -> str:
    """Each attempt writes to a folder of its own, so that none can touch what another has finished."""
    return f"{folder(job_id)}/{attempt}"


def path(job_id: str, attempt: int, name: str) -> str:
    """Where an attempt writes its file; a finished report's is the last attempt's."""
    return f"{attempt_folder(job_id, attempt)}/{name}"


def file_path(job: Job) -> str:
    """Where a finished report's file is."""
    return path(job.id, job.tries, job.file)


def key_problem(key: str) -> str | None:
    """Why a destination takes no file by this key; None when it does. A key that passes stays within its prefix."""
    parts = key.split("/")
    if key.startswith("/") or any(part in ("", ".", "..") for part in parts):
        return "must be a relative path such as usage/2025/october.csv, without empty parts, . and .."
    if not key.isprintable():
        return "must have printable characters only"
    if any(_UNFINISHED.search(part) for part in parts):
        return "must have no part that ends in # and digits"
    if len(key.encode()) > KEY_BYTES_MAX or any(len(part.encode()) > KEY_PART_BYTES_MAX for part in parts):
        return f"must have {KEY_BYTES_MAX} bytes at the most, and {KEY_PART_BYTES_MAX} between slashes"
    return None


def disposition(name: str) -> str:
    """A download under this name (RFC 6266): once in ASCII for old clients, once whole."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
