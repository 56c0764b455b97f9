"""The state that the nodes of an installation share: users, keys, sessions, report jobs, schedules, nodes and secrets.

A SQLite file serves one machine, a PostgreSQL database serves many. The URL chooses; no code outside this package
depends on the choice. Both keep five promises:

- A change is on disk when the call returns, whole or not at all.
- A running job has one owner at a time, which holds a lease. When the lease has expired, another worker may claim the
  job, and every later change by the old owner is refused.
- A window of a schedule is started once, however many workers try: its run and its job are one change.
- `migrate` may be called by any number of processes at once and any number of times.
- The password in a URL, the hash of a user's password and the digest of a key are in no error text, log line or repr.

`State` has a repository for each kind of record: `state.jobs.claim(...)`, `state.users.get(...)`. Their calls own the
transactions and the statements.
"""

from footfall.state.audit import PRUNED, entry_hash
from footfall.state.copying import StateNotEmpty
from footfall.state.database import StateUnavailable, StateUrlInvalid
from footfall.state.erasures import (
    COPY_PREFIX,
    Erasure,
    ErasureMode,
    ErasurePhase,
    ErasurePlace,
    ErasureRule,
    ErasureShare,
    KeptCondition,
)
from footfall.state.identities import IdentityTaken
from footfall.state.job_bounds import TooManyJobs
from footfall.state.jobs import JobRepository
from footfall.state.keys import TooManyKeys
from footfall.state.looking import StateLook, look_at_state, state_file
from footfall.state.migrating import StateStep, StateTooNew
from footfall.state.records import (
    ApiKey,
    AuditEntry,
    Job,
    JobBounds,
    JobStatus,
    Node,
    RefusedKind,
    RunStatus,
    SavedView,
    Schedule,
    ScheduleRun,
    SecondFactor,
    Session,
    Share,
    User,
    UserRights,
)
from footfall.state.refusals import RefusalRepository
from footfall.state.retention import NEVER_MS, CutoffScope, RetentionCutoff, RetentionRun
from footfall.state.schedules import TooManySchedules
from footfall.state.state import State, open_state
from footfall.state.users import LastAdmin, UserChange, UserExists
from footfall.state.views import TooManyShares, TooManyViews

__all__ = [
    "COPY_PREFIX",
    "NEVER_MS",
    "PRUNED",
    "ApiKey",
    "AuditEntry",
    "CutoffScope",
    "Erasure",
    "ErasureMode",
    "ErasurePhase",
    "ErasurePlace",
    "ErasureRule",
    "ErasureShare",
    "IdentityTaken",
    "Job",
    "JobBounds",
    "JobRepository",
    "JobStatus",
    "KeptCondition",
    "LastAdmin",
    "Node",
    "RefusalRepository",
    "RefusedKind",
    "RetentionCutoff",
    "RetentionRun",
    "RunStatus",
    "SavedView",
    "Schedule",
    "ScheduleRun",
    "SecondFactor",
    "Session",
    "Share",
    "State",
    "StateLook",
    "StateNotEmpty",
    "StateStep",
    "StateTooNew",
    "StateUnavailable",
    "StateUrlInvalid",
    "TooManyJobs",
    "TooManyKeys",
    "TooManySchedules",
    "TooManyShares",
    "TooManyViews",
    "User",
    "UserChange",
    "UserExists",
    "UserRights",
    "entry_hash",
    "look_at_state",
    "open_state",
    "state_file",
]
