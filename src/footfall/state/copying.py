"""All rows out of one database and into another, of either kind: JSON lines, table by table.

The rows of `nodes` stay behind: they say who is there now, and a report would wait for ever for one that is gone.
"""

import base64
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, LargeBinary, MetaData, Table, inspect, select

from footfall.state.tables import jobs, metadata, nodes

# Rows that are in memory at once.
_ROWS_AT_ONCE = 500
_COPIED = tuple(table for table in metadata.sorted_tables if table is not nodes)

# The name of a table, and one of its rows as JSON.
Line = tuple[str, bytes]


class StateNotEmpty(Exception):
    """The database has rows already, which a restore would mix with others."""


def read_rows(connection: Connection, until_ms: int) -> Iterator[Line]:
    """Every row of every table, as of the transaction; of the jobs those that were started up to `until_ms`."""
    for table in _COPIED:
        statement = select(table).order_by(*table.primary_key.columns)
        if table is jobs:
            statement = statement.where(jobs.c.started_ms <= until_ms)
        for row in connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE}):
            yield str(table.name), msgspec.json.encode(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's documented name


def write_rows(connection: Connection, lines: Iterable[Line]) -> None:
    """Write rows into the tables as they are in the database, which may be older ones than this version's."""
    found = MetaData()
    found.reflect(connection, only=[name for name in inspect(connection).get_table_names() if name in metadata.tables])
    for name, group in groupby(lines, key=itemgetter(0)):
        table = found.tables[name]
        binary = [column.name for column in table.columns if isinstance(column.type, LargeBinary)]
        rows: list[dict[str, Any]] = []
        for _, line in group:
            rows.append(_read(line, binary))
            if len(rows) == _ROWS_AT_ONCE:
                connection.execute(table.insert(), rows)
                rows.clear()
        if rows:
            connection.execute(table.insert(), rows)


def is_empty(connection: Connection) -> bool:
    """Whether none of the tables has a row, or there are no tables."""
    there = set(inspect(connection).get_table_names())
    return not any(_has_rows(connection, table) for table in _COPIED if table.name in there)


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(select(*table.primary_key.columns).limit(1)).first() is not None


def _read(line: bytes, binary: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.json.decode(line)
    return row | {name: base64.b64decode(row[name]) for name in binary if row.get(name) is not None}
