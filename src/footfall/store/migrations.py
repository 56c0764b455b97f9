"""Migrates the store's schema to this version: numbered files in schema/, each applied once and recorded.

Several processes may do so at once. There is no lock that one server and a cluster have in common, so every statement
says IF NOT EXISTS, and applying a file twice does no harm.
"""

import hashlib
import logging
import time
from importlib.resources.abc import Traversable

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from footfall.store.errors import StoreFailed, StoreTooNew
from footfall.store.statements import query, render_statements, run, sql_folder

_log = logging.getLogger(__name__)


class Migration(Struct, frozen=True):
    """One file of schema/: its number, name, hash, and its text with the placeholders."""

    number: int
    name: str
    sha256: str
    text: str


def migrate(client: Client, database: str, cluster: str) -> None:
    """Make the database and apply what has not been applied.

    Raises StoreFailed when an applied file has changed, and StoreTooNew when a later version has applied files of its
    own.
    """
    creation, *migrations = read_migrations()
    for statement in render_statements(creation.text, cluster, database):
        # These statements name the database themselves, because the first of them creates it.
        client.command(statement, use_database=False)
    applied = {int(number): str(sha256) for number, sha256 in client.query(query("migrations")).result_rows}
    if (newest := max(applied, default=0)) > (known := read_migrations()[-1].number):
        raise StoreTooNew(
            f"database {database} of the events store was used by a later version of footfall, with schema {newest}, "
            f"where this one knows schema {known}: install the later version again"
        )
    for migration in migrations:
        if migration.number not in applied:
            for statement in render_statements(migration.text, cluster):
                client.command(statement)
            _record(client, migration)
        elif applied[migration.number] != migration.sha256:
            raise StoreFailed(f"schema file {migration.number} ({migration.name}) has changed since it was applied")


def _record(client: Client, migration: Migration) -> None:
    record = {
        "number": migration.number,
        "name": migration.name,
        "sha256": migration.sha256,
        "applied": time.time_ns() // 1_000_000,
    }
    run(client, query("migration_add"), record)
    _log.info("schema file %d (%s) applied", migration.number, migration.name)


def read_migrations() -> list[Migration]:
    """All files of schema/ in order."""
    paths = sorted(
        (path for path in sql_folder("schema").iterdir() if path.name.endswith(".sql")), key=lambda path: path.name
    )
    return [_read_migration(path) for path in paths]


def _read_migration(path: Traversable) -> Migration:
    text = path.read_text("utf-8")
    number, _, name = path.name.removesuffix(".sql").partition("_")
    return Migration(int(number), name, hashlib.sha256(text.encode()).hexdigest(), text)
