"""How a report's file is called, and where it is kept."""

import re

from footfall.reports.status import day
from footfall.state import Job
from footfall.wire import ReportFilter

NAME_PART_CHARS_MAX = 60  # File systems take 255 bytes for the whole name.
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


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
