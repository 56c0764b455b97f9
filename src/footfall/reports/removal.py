"""Removing what is kept of a report, whoever wants it removed."""

from footfall.reports import names
from footfall.reports.files import Files
from footfall.state import Job, State


def remove(job: Job, files: Files, state: State) -> None:
    """Remove an ended report's file, and record it. Blocks; raises what the files and the state raise."""
    # The file goes first: should this end in between, retention finds the job again.
    files.delete(names.folder(job.id))
    state.job_expire(job.id)
