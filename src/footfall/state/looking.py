"""A look at the state database that changes nothing: no file is made, and no table brought to this version."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from sqlalchemy import text

from footfall.settings import Settings
from footfall.state.database import StateUnavailable
from footfall.state.migrating import HEAD
from footfall.state.records import Node
from footfall.state.state import State

# A file up to this size is read whole for damage: a second of a slow disk.
_READ_BYTES_MAX: Final = 256 * 1024 * 1024
_SQLITE: Final = "sqlite:///"


class StateLook(Struct, frozen=True, kw_only=True):
    """What a look found; `revision` is empty where there are no tables, `now_ms` the clock of a server."""

    revision: str
    users: int
    nodes: list[Node]
    damage: str = ""
    now_ms: int | None = None

    @property
    def is_too_new(self) -> bool:
        """Whether a later version than this one has worked with it."""
        return self.revision > HEAD

    @property
    def is_old(self) -> bool:
        """Whether the next start brings it to this version."""
        return self.revision < HEAD


def state_file(settings: Settings) -> Path | None:
    """The SQLite file of the state; None where it is in a database of its own."""
    if settings.state_url and not settings.state_url.startswith(_SQLITE):
        return None
    return Path(settings.state_url.removeprefix(_SQLITE)) if settings.state_url else settings.data / "state.db"


def look_at_state(settings: Settings) -> StateLook:
    """Look at the state, which must be there. Raises StateUnavailable and StateUrlInvalid."""
    path = state_file(settings)
    if path is None:
        with closing(State(settings.state_url)) as state:
            return _look_at_server(state)
    # Where no process has the file open, SQLite would make files beside it, unless it is told that nobody writes.
    is_alone = not path.with_name(f"{path.name}-wal").exists()
    url = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if is_alone else ''}"
    try:
        with closing(sqlite3.connect(url, uri=True, timeout=5)) as connection:
            return _look_at_file(connection, path.stat().st_size)
    except (sqlite3.DatabaseError, OSError) as error:
        raise StateUnavailable(f"state database {path}: {error}") from error


def _look_at_file(connection: sqlite3.Connection, size: int) -> StateLook:
    damage = ""
    if size <= _READ_BYTES_MAX:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
        damage = "" if found == ["ok"] else "; ".join(found)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "users", "nodes"} <= tables:
        return StateLook(revision="", users=0, nodes=[], damage=damage)
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    (users,) = connection.execute("SELECT count(*) FROM users").fetchone()
    rows = connection.execute("SELECT node, loaded_through_ms, seen_ms FROM nodes ORDER BY node")
    nodes = [Node(node=row[0], loaded_through_ms=row[1], seen_ms=row[2]) for row in rows]
    return StateLook(revision=revision, users=users, nodes=nodes, damage=damage)


def _look_at_server(state: State) -> StateLook:
    with state.database.read() as connection:
        now_ms = connection.scalar(text("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"))
    revision = state.revision()
    if not revision:
        return StateLook(revision="", users=0, nodes=[], now_ms=now_ms)
    with state.database.read() as connection:
        users = connection.scalar(text("SELECT count(*) FROM users"))
    return StateLook(revision=revision, users=users or 0, nodes=state.nodes.all(), now_ms=now_ms)
