"""What the nodes of an installation must agree on: users, report jobs, schedules, nodes and secrets.

One SQLite file serves one machine, one PostgreSQL database serves many. The URL says which; no code outside this room
can tell them apart. Five promises hold on both:

- A change is on disk when the call returns, whole or not at all.
- A running job has one owner at a time. An owner holds a lease; when it runs out, another may claim the job, and
  whatever the old owner says afterwards about the job is refused.
- A window of a schedule is started once, whoever tries: its run and its job are one change.
- `migrate` may be called by any number of processes at once and any number of times.
- The password in a URL, and the hash of a user's password, stand in no error text, log line or repr.

`State` has a repository for each kind of record: `state.jobs.claim(...)`, `state.users.get(...)`. Their calls own the
transactions and the statements.
"""

from footfall.state.copying import StateNotEmpty
from footfall.state.database import StateUnavailable, StateUrlInvalid
from footfall.state.job_bounds import TooManyJobs
from footfall.state.jobs import JobRepository
from footfall.state.migrating import StateTooNew
from footfall.state.records import Job, JobBounds, JobStatus, Node, RunStatus, Schedule, ScheduleRun, User
from footfall.state.schedules import TooManySchedules
from footfall.state.state import State, open_state
from footfall.state.users import LastAdmin, UserChange, UserExists

__all__ = [
    "Job",
    "JobBounds",
    "JobRepository",
    "JobStatus",
    "LastAdmin",
    "Node",
    "RunStatus",
    "Schedule",
    "ScheduleRun",
    "State",
    "StateNotEmpty",
    "StateTooNew",
    "StateUnavailable",
    "StateUrlInvalid",
    "TooManyJobs",
    "TooManySchedules",
    "User",
    "UserChange",
    "UserExists",
    "open_state",
]
