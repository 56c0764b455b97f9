"""Removing what is kept of a report, whoever wants it removed."""

from footfall.reports import names
from footfall.reports.files import Files
from footfall.state import Job, State


def remove(job: Job, files: Files, state: State) -> None:
    """Remove an ended report's file. Blocks; raises what the files and the state raise.

    First it is handed out no more, then it goes, then that is recorded: so no link leads to a file that is missing, and
    should this end in between, retention finds the job again.
    """
    state.job_expire(job.id)
    files.delete(names.folder(job.id))
    state.job_removed(job.id)
