"""The front of the state database: every call is one transaction, or a few, and may come from any thread.

The calls block; async callers hand them to a thread. Each raises StateUnavailable when the database does not do it.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection

from footfall.settings import Settings
from footfall.state import jobs, nodes, schedules, users
from footfall.state.copying import Line, StateNotEmpty, is_empty, read_rows, write_rows
from footfall.state.database import StateUnavailable, open_database, snapshot, transaction
from footfall.state.migrating import alone, current, migrate, upgrade
from footfall.state.records import Job, JobBounds, JobStatus, Node, Schedule, ScheduleRun, User
from footfall.system import files


class State:
    """The state at `url`: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME`. Raises StateUrlInvalid."""

    def __init__(self, url: str) -> None:
        self._database = open_database(url)

    def migrate(self) -> None:
        """Bring the tables to this version; raises StateTooNew when a later version did so already."""
        migrate(self._database)

    def close(self) -> None:
        """Give the connections back; calls that are under way finish first."""
        self._database.engine.dispose()

    def user_add(self, user: User) -> None:
        """Add a user; raises UserExists."""
        with self._write() as connection:
            users.add(connection, user)

    def user_get(self, user_id: str) -> User | None:
        with self._read() as connection:
            return users.get(connection, user_id)

    def user_of(self, account: str) -> User | None:
        """The user whose account it is; None once they are removed, whoever has their name since."""
        with self._read() as connection:
            return users.of_account(connection, account)

    def user_list(self) -> list[User]:
        """All users, ordered by id."""
        with self._read() as connection:
            return users.list_all(connection)

    def user_password(self, user_id: str, password_hash: str, *, replacing: str | None = None) -> bool:
        """Set the hash of a new password, which ends the links that stood on the old one. False when there is no user.

        With `replacing` it is another hash of the same password, and set only over that one.
        """
        with self._write() as connection:
            return users.set_password(connection, user_id, password_hash, replacing)

    def user_customers(self, user_id: str, granted: Collection[str] = (), revoked: Collection[str] = ()) -> bool:
        """Let a user see the customers granted, and those revoked no longer; False when there is no such user."""
        with self._write() as connection:
            return users.set_customers(connection, user_id, granted, revoked)

    def user_remove(self, user_id: str) -> bool:
        """Remove a user, not their jobs. False when there is none; raises LastAdmin."""
        with self._write() as connection:
            return users.remove(connection, user_id)

    def secret(self, name: str) -> bytes:
        """The 32 random bytes of this name: made on first asking, then the same for ever and on every node."""
        with self._read() as connection:
            found = nodes.get_secret(connection, name)
        if found is not None:
            return found
        with self._write() as connection:
            nodes.make_secret(connection, name)
        return self.secret(name)

    def job_add(self, job: Job, bounds: JobBounds | None = None) -> None:
        """Add a job; raises TooManyJobs when its user has as many as `bounds` allow, however many add at once."""
        with self._write() as connection:
            jobs.add(connection, job, bounds)

    def job_get(self, job_id: str) -> Job | None:
        if not (job_id.isascii() and job_id.isprintable()):
            return None  # Such text comes from an address that somebody typed; PostgreSQL fails over some of it.
        with self._read() as connection:
            return jobs.get(connection, job_id)

    def job_list(self, account: str | None, limit: int, before: jobs.Place | None) -> list[Job]:
        """The newest `limit` jobs of an account, or of all for None, newest first; `before` is where a page ended."""
        with self._read() as connection:
            return jobs.list_newest(connection, account, limit, before)

    def job_counts(self) -> dict[JobStatus, int]:
        """How many jobs there are of each status; those without any are left out."""
        with self._read() as connection:
            return jobs.count(connection)

    def job_claim(self, owner: str, lease_ms: int) -> Job | None:
        """Take up a job for `lease_ms`, or None when there is none: each job goes to one caller.

        The lease is by the database's clock, so that nodes whose own clocks differ respect each other's.
        The user with the fewest jobs in work comes first, then the one whose last job ended first, and of their jobs
        the oldest (between claims at the very same moment, nearly so). An owner is one attempt: claimants that run at
        the same time must have different ones.
        """
        with self._write() as connection:
            return jobs.claim(connection, owner, lease_ms)

    def job_renew(self, job_id: str, owner: str, lease_ms: int) -> bool:
        """Keep the lease for `lease_ms` from now on; False when it was lost to another, or the job has ended."""
        with self._write() as connection:
            return jobs.renew(connection, job_id, owner, lease_ms)

    def job_release(self, job_id: str, owner: str) -> bool:
        """Give the job back, because the worker stops: another may claim it at once. False as for `job_renew`."""
        with self._write() as connection:
            return jobs.release(connection, job_id, owner)

    def job_held(self, job_id: str, owner: str) -> bool:
        """Whether the job still runs and is this owner's."""
        with self._read() as connection:
            return jobs.is_held(connection, job_id, owner)

    def job_progress(
        self,
        job_id: str,
        owner: str,
        rows: int,
        bytes: int,  # noqa: A002 - the column's name
        rows_total: int,
        progress: float = 0.0,
    ) -> bool:
        """Record how far the job is; False when the lease was lost, or the job has ended."""
        with self._write() as connection:
            counts = {"rows": rows, "bytes": bytes, "rows_total": rows_total, "progress": progress}
            return jobs.progress(connection, job_id, owner, counts)

    def job_pin(self, job_id: str, owner: str, watermark_ms: int) -> bool:
        """Set the job's watermark, before anything is made; False when the lease was lost, or the job has ended."""
        with self._write() as connection:
            return jobs.pin(connection, job_id, owner, watermark_ms)

    def job_cancel(self, job_id: str, now_ms: int, reason: str) -> bool:
        """End a running job as FAILED, whoever works on it; False when it does not run."""
        with self._write() as connection:
            return jobs.cancel(connection, job_id, now_ms, reason)

    def job_finish(
        self,
        job_id: str,
        owner: str,
        status: JobStatus,
        ended_ms: int,
        rows: int,
        bytes: int,  # noqa: A002 - the column's name
        sha256: str | None,
        reason: str | None,
        duplicates: int | None = None,
        manifest: str | None = None,
    ) -> bool:
        """End the job; False, and nothing changes, when the lease was lost or the job has ended already."""
        assert status is not JobStatus.RUNNING  # noqa: S101 - our own mistake
        end = {"status": status, "ended_ms": ended_ms, "rows": rows, "bytes": bytes, "sha256": sha256, "reason": reason}
        end["duplicates_found"] = duplicates
        if manifest is not None:  # else what the order had to say stays
            end["manifest"] = manifest
        with self._write() as connection:
            return jobs.finish(connection, job_id, owner, end)

    def jobs_ended_before(self, ms: int) -> list[Job]:
        """Jobs whose file is to be removed: they ended before then, or have expired; oldest first, 1,000 at most."""
        with self._read() as connection:
            return jobs.list_ended(connection, ms)

    def job_expire(self, job_id: str) -> bool:
        """Have the file handed out no more; False when it was so before, or the job runs, or there is none."""
        with self._write() as connection:
            return jobs.expire(connection, job_id)

    def job_removed(self, job_id: str) -> bool:
        """Record that the file of an expired job is gone; False when it was recorded before, or may be handed out."""
        with self._write() as connection:
            return jobs.remove(connection, job_id)

    def schedule_add(self, schedule: Schedule, most: int) -> None:
        """Add a schedule; raises TooManySchedules when its owner has `most` of them."""
        with self._write() as connection:
            schedules.add(connection, schedule, most)

    def schedule_get(self, schedule_id: str) -> Schedule | None:
        if not (schedule_id.isascii() and schedule_id.isprintable()):
            return None  # As for jobs.
        with self._read() as connection:
            return schedules.get(connection, schedule_id)

    def schedule_list(self, account: str | None, after: str, limit: int) -> list[Schedule]:
        """The first `limit` schedules of an account, or of all for None, with ids after `after`; ordered by id."""
        with self._read() as connection:
            return schedules.list_some(connection, account, after, limit)

    def schedule_remove(self, schedule_id: str) -> bool:
        """Remove a schedule with its runs, not their reports; False when there is none."""
        with self._write() as connection:
            return schedules.remove(connection, schedule_id)

    def schedule_pause(self, schedule_id: str, reason: str | None = None) -> bool:
        """Start no more of its reports; False when there is none."""
        with self._write() as connection:
            return schedules.pause(connection, schedule_id, reason)

    def schedule_resume(self, schedule_id: str, now_ms: int) -> bool:
        """Go on where it was paused, and give runs that failed for good new tries; False when there is none."""
        with self._write() as connection:
            return schedules.resume(connection, schedule_id, now_ms)

    def schedule_runs(self, schedule_id: str, limit: int) -> list[ScheduleRun]:
        """The runs of the newest windows, the newest first."""
        with self._read() as connection:
            return schedules.list_runs(connection, schedule_id, limit)

    def schedules_due(self, now_ms: int, limit: int, running_max: int) -> list[Schedule]:
        """Schedules whose next report is due, longest first, but for those with `running_max` running."""
        with self._read() as connection:
            return schedules.due(connection, now_ms, limit, running_max)

    def schedule_runs_ended(self, limit: int) -> list[tuple[ScheduleRun, Job | None]]:
        """Running runs whose job has ended, or is gone."""
        with self._read() as connection:
            found = schedules.ended(connection, limit)
            return [(run, jobs.get(connection, job_id) if job_id else None) for run, job_id in found]

    def schedule_runs_due(self, now_ms: int, limit: int) -> list[ScheduleRun]:
        """Runs to look at now, of schedules that are not paused."""
        with self._read() as connection:
            return schedules.to_look_at(connection, now_ms, limit)

    def schedule_begin(
        self, run: ScheduleRun, job: Job, next_start_ms: int, next_due_ms: int, bounds: JobBounds | None = None
    ) -> bool:
        """Start a window's first report and go on to the next window; False, and nothing, when another did.

        Of the ended reports of its user's schedules, those past the `bounds` are forgotten, as with all that start one.
        """
        with self._write() as connection:
            return schedules.begin(connection, run, job, next_start_ms, next_due_ms, bounds)

    def schedule_correct(
        self, corrected: ScheduleRun, run: ScheduleRun, job: Job, bounds: JobBounds | None = None
    ) -> bool:
        """Start a correction of a run; False, and nothing, when another did."""
        with self._write() as connection:
            return schedules.correct(connection, corrected, run, job, bounds)

    def schedule_again(self, old: ScheduleRun, new: ScheduleRun, job: Job, bounds: JobBounds | None = None) -> bool:
        """Start another report for a run; False, and nothing, when another did."""
        with self._write() as connection:
            return schedules.again(connection, old, new, job, bounds)

    def schedule_change(self, old: ScheduleRun, new: ScheduleRun) -> bool:
        """Change a run that is as it was known; False when it is not any more."""
        with self._write() as connection:
            return schedules.change(connection, old, new)

    def node_put(self, node: str, loaded_through_ms: int, seen_ms: int) -> None:
        """Record how far a node has loaded, and that it was there at `seen_ms`."""
        with self._write() as connection:
            nodes.put(connection, Node(node=node, loaded_through_ms=loaded_through_ms, seen_ms=seen_ms))

    def node_remove(self, node: str) -> None:
        with self._write() as connection:
            nodes.remove(connection, node)

    def node_list(self) -> list[Node]:
        """All nodes, ordered by name."""
        with self._read() as connection:
            return nodes.list_all(connection)

    def revision(self) -> str:
        """The step to which the tables were brought; empty where there are none."""
        with self._read() as connection:
            return current(connection)

    def is_empty(self) -> bool:
        """Whether nothing is kept here, but perhaps which nodes there are."""
        with self._read() as connection:
            return is_empty(connection)

    @contextmanager
    def copy(self, until_ms: int) -> Iterator[Iterator[Line]]:
        """All rows as of one moment, as JSON, but for nodes, and jobs started after `until_ms`."""
        with snapshot(self._database) as connection:
            yield read_rows(connection, until_ms)

    def fill(self, revision: str, lines: Iterable[Line]) -> None:
        """Take the rows of a copy that was made at `revision`, all or none, and bring the tables to this version.

        Raises StateNotEmpty, StateTooNew when this version does not know the revision, and what `lines` raises.
        """
        with alone(self._database) as connection:
            upgrade(connection, self._database.place, revision)
            if not is_empty(connection) or current(connection) != revision:
                raise StateNotEmpty(f"state database {self._database.place} is in use: name an empty one")
            write_rows(connection, lines)
            upgrade(connection, self._database.place)

    def _read(self) -> AbstractContextManager[Connection]:
        return transaction(self._database, self._database.engine)

    def _write(self) -> AbstractContextManager[Connection]:
        return transaction(self._database, self._database.writer)


def open_state(settings: Settings) -> State:
    """The state that the settings name, by default `state.db` in the data folder; it is not migrated yet.

    The data folder is made when it is needed and missing, for its owner alone. Raises StateUrlInvalid,
    StateUnavailable.
    """
    if settings.state_url:
        return State(settings.state_url)
    try:
        files.make_folder(settings.data)
    except OSError as error:
        raise StateUnavailable(f"data folder {settings.data}: {error.strerror}") from error
    return State(f"sqlite:///{settings.data / 'state.db'}")
