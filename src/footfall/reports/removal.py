"""Removing what is kept of a report, whoever wants it removed."""

from footfall.reports.destinations import Destinations
from footfall.state import Job, State


def remove(job: Job, files: Destinations, state: State, *, delivered: bool) -> None:
    """Remove an ended report's file, with `delivered` at its destination too. Blocks; raises what both raise.

    First it is handed out no more, then it goes, then that is recorded: so no link leads to a file that is missing, and
    should this end in between, retention finds the job again.
    """
    state.job_expire(job.id)
    if delivered:
        files.remove(job)
    else:
        files.expire(job)
    state.job_removed(job.id)
