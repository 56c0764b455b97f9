"""The state: a repository for each kind of record, and operations on the database as a whole.

The calls block, and may be made on any thread; coroutines make them on a thread.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from footfall.settings import Settings
from footfall.state.audit import AuditRepository
from footfall.state.copying import CopiedRow, StateNotEmpty, is_empty, read_rows, write_rows
from footfall.state.database import StateUnavailable, open_database
from footfall.state.erasures import ErasureRepository
from footfall.state.factors import FactorRepository
from footfall.state.identities import IdentityRepository
from footfall.state.jobs import JobRepository
from footfall.state.keys import KeyRepository
from footfall.state.migrating import StateStep, exclusive_transaction, migrate, pending_steps, read_revision, upgrade
from footfall.state.nodes import NodeRepository, SecretRepository
from footfall.state.refusals import RefusalRepository
from footfall.state.retention import RetentionRepository
from footfall.state.schedules import ScheduleRepository
from footfall.state.sessions import SessionRepository
from footfall.state.users import UserRepository
from footfall.state.views import ShareRepository, ViewRepository
from footfall.system import files


class State:
    """The state at `url`: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME`. Raises StateUrlInvalid.

    Every call raises StateUnavailable when the database is away.
    """

    def __init__(self, url: str) -> None:
        self.database = open_database(url)
        self.users = UserRepository(self.database)
        self.identities = IdentityRepository(self.database)
        self.keys = KeyRepository(self.database)
        self.sessions = SessionRepository(self.database)
        self.audit = AuditRepository(self.database)
        self.factors = FactorRepository(self.database)
        self.erasures = ErasureRepository(self.database)
        self.retention = RetentionRepository(self.database)
        self.jobs = JobRepository(self.database)
        self.schedules = ScheduleRepository(self.database)
        self.views = ViewRepository(self.database)
        self.shares = ShareRepository(self.database)
        self.refusals = RefusalRepository(self.database)
        self.nodes = NodeRepository(self.database)
        self.secrets = SecretRepository(self.database)

    def migrate(self) -> None:
        """Bring the tables to this version; raises StateTooNew when a later version did so already."""
        migrate(self.database)

    def pending(self) -> list[StateStep]:
        """The migrations that `migrate` would apply. Raises StateTooNew when a later version applied its own."""
        return pending_steps(self.database)

    def close(self) -> None:
        """Close the connections, after the calls that are running."""
        self.database.engine.dispose()

    def forget_replaced(self) -> bool:
        """Have the database's files not have what rows were before, as far as that can be; False to try again."""
        return self.database.forget_replaced()

    def revision(self) -> str:
        """The last migration that was applied to the tables; empty when there are no tables."""
        with self.database.read() as connection:
            return read_revision(connection)

    def is_empty(self) -> bool:
        """Whether no table that is copied has a row."""
        with self.database.read() as connection:
            return is_empty(connection)

    @contextmanager
    def copy(self, until_ms: int) -> Iterator[Iterator[CopiedRow]]:
        """All rows as of one moment, but those of nodes, of sessions, and of jobs started after `until_ms`."""
        with self.database.snapshot() as connection:
            yield read_rows(connection, until_ms)

    def fill(self, revision: str, rows: Iterable[CopiedRow]) -> None:
        """Write the rows of a copy that was made at `revision`, all or none, and bring the tables to this version.

        Raises StateNotEmpty, StateTooNew when this version does not know the revision, and what `rows` raises.
        """
        name = self.database.display_name
        with exclusive_transaction(self.database) as connection:
            upgrade(connection, name, revision)
            if not is_empty(connection) or read_revision(connection) != revision:
                raise StateNotEmpty(f"state database {name} is in use: name an empty one")
            write_rows(connection, rows)
            upgrade(connection, name)


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
