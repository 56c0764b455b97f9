"""Bringing the store's schema to this version: numbered files, each applied once and recorded.

Several processes may do it at once. There is no lock that one server and a cluster have in common, so every statement
says IF NOT EXISTS, and applying a file twice does no harm.
"""

import logging
import time

from clickhouse_connect.driver.client import Client

from footfall.store.errors import StoreFailed
from footfall.store.parameters import run
from footfall.store.statements import Migration, query, read_migrations, render

_log = logging.getLogger(__name__)


def migrate(client: Client, database: str, cluster: str) -> None:
    """Make the database and apply what has not been applied; raises StoreFailed when an applied file has changed."""
    ground, *migrations = read_migrations()
    for statement in render(ground, cluster, database):
        # They name the database themselves, for the first of them makes it.
        client.command(statement, use_database=False)
    applied = {int(number): str(sha256) for number, sha256 in client.query(query("migrations")).result_rows}
    for migration in migrations:
        if migration.number not in applied:
            for statement in render(migration, cluster):
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
