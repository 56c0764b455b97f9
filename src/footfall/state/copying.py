"""Copies all rows from one database to another, SQLite or PostgreSQL, as JSON lines, table by table.

The rows of `nodes` are not copied: they say which nodes run now, and a report would wait for ever for a removed one.
Nor are those of `sessions`: a restore must not sign in again who has signed out. Nor those of `erasure_shares` and
`retention_shares`: a restored node has files that it has to look through.
"""

import base64
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, LargeBinary, MetaData, Table, inspect, select

from footfall.state.removal_tables import erasure_shares, retention_shares
from footfall.state.tables import jobs, metadata, nodes, sessions

# Rows that are in memory at once.
_ROWS_AT_ONCE = 500
_LEFT_OUT = (nodes, sessions, erasure_shares, retention_shares)
_COPIED = tuple(table for table in metadata.sorted_tables if table not in _LEFT_OUT)

# The name of a table, and one of its rows as JSON.
CopiedRow = tuple[str, bytes]


class StateNotEmpty(Exception):
    """The database has rows already, with which a restore would mix its own."""


def read_rows(connection: Connection, until_ms: int) -> Iterator[CopiedRow]:
    """Every row of every copied table, as of the transaction; of `jobs`, those that were started up to `until_ms`."""
    for table in _COPIED:
        statement = select(table).order_by(*table.primary_key.columns)
        if table is jobs:
            statement = statement.where(jobs.c.started_ms <= until_ms)
        for row in connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE}):
            yield str(table.name), msgspec.json.encode(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's documented name


def write_rows(connection: Connection, rows: Iterable[CopiedRow]) -> None:
    """Write rows into the tables that the database has, which may be those of an older version."""
    found = MetaData()
    found.reflect(connection, only=[name for name in inspect(connection).get_table_names() if name in metadata.tables])
    for name, group in groupby(rows, key=itemgetter(0)):
        table = found.tables[name]
        binary = [column.name for column in table.columns if isinstance(column.type, LargeBinary)]
        values: list[dict[str, Any]] = []
        for _, encoded in group:
            values.append(_decode(encoded, binary))
            if len(values) == _ROWS_AT_ONCE:
                connection.execute(table.insert(), values)
                values.clear()
        if values:
            connection.execute(table.insert(), values)


def is_empty(connection: Connection) -> bool:
    """Whether none of the tables has a row, or there are no tables."""
    present = set(inspect(connection).get_table_names())
    return not any(_has_rows(connection, table) for table in _COPIED if table.name in present)


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(select(*table.primary_key.columns).limit(1)).first() is not None


def _decode(encoded: bytes, binary: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.json.decode(encoded)
    return row | {name: base64.b64decode(row[name]) for name in binary if row.get(name) is not None}
