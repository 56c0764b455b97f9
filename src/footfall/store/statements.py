"""The store's SQL: the files of statements, their parameters, and the migrations of the schema."""

import hashlib
import logging
import re
import time
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from footfall.store.errors import StoreFailed

# The SQL files of this room: schema/ in order of their numbers, queries/ by their names.


_SEPARATOR = "-- then\n"
_CLUSTER_SEPARATOR = "-- then, on a cluster\n"


class Migration(Struct, frozen=True):
    """One file of schema/: its number, name, hash, and the statements with their placeholders."""

    number: int
    name: str
    sha256: str
    text: str


@cache
def query(name: str) -> str:
    """The text of queries/NAME.sql; raises FileNotFoundError."""
    return _folder("queries").joinpath(f"{name}.sql").read_text("utf-8")


def read_migrations() -> list[Migration]:
    """All files of schema/ in order."""
    paths = sorted(
        (path for path in _folder("schema").iterdir() if path.name.endswith(".sql")), key=lambda path: path.name
    )
    return [_read_migration(path) for path in paths]


def render_statement(migration: Migration, cluster: str, database: str = "") -> list[str]:
    """The statements of a migration for one server (`cluster` empty) or for a cluster.

    The placeholders are a closed set; the two names, which come from the settings, are quoted.
    """
    alone, *clustered = migration.text.split(_CLUSTER_SEPARATOR)
    text = _SEPARATOR.join([alone, *clustered]) if cluster else alone
    values = {
        "database": _quote(database),
        "cluster": _quote(cluster),
        "on_cluster": f"ON CLUSTER {_quote(cluster)}" if cluster else "",
        "replicated": "Replicated" if cluster else "",
        "shard": "_shard" if cluster else "",
    }
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return [statement.strip() for statement in text.split(_SEPARATOR)]


def _quote(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _read_migration(path: Traversable) -> Migration:
    text = path.read_text("utf-8")
    number, _, name = path.name.removesuffix(".sql").partition("_")
    return Migration(int(number), name, hashlib.sha256(text.encode()).hexdigest(), text)


def _folder(name: str) -> Traversable:
    return files("footfall.store").joinpath(name)


# Tables that come and go with one piece of work: the statements that make, swap and drop them, from tables/*.sql.


_PLAIN = re.compile(r"[\w ]+")


def statements(name: str, database: str, cluster: str, words: dict[str, str]) -> list[str]:
    """The statements of tables/NAME.sql, for one server (`cluster` empty) or a cluster.

    `words` fill the file's own placeholders; they are letters, digits, _ and spaces, because they become names.
    """
    text = _read(name)
    for word, value in words.items():
        assert _PLAIN.fullmatch(value), value  # noqa: S101 - our own mistake
        text = text.replace("{{" + word + "}}", value)
    return render_statement(Migration(0, name, "", text), cluster=cluster, database=database)


@cache
def _read(name: str) -> str:
    return files("footfall.store").joinpath("tables", f"{name}.sql").read_text("utf-8")


# Native parameters of statements, as a request carries them: each is a field of a form, and a field is bounded.


# A server takes fields of 128 KiB by default (http_max_field_value_size), and escapes double a value at the most.
FIELD_BYTES_MAX = 60 * 1024
_LIST = re.compile(r"\{(\w+):(Array\(\w+\))\}")


class Identifier:
    """A name for a parameter of the type Identifier: it is taken as it is, while the escapes of a string are read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return self._name


def divide(statement: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The same statement with its long lists in several parameters each, so that every one fits a field."""
    divided: dict[str, Any] = {}
    pieces: dict[str, list[str]] = {}
    for name, value in parameters.items():
        if not isinstance(value, list) or len(parts := list(_parts(value))) < 2:
            divided[name] = value
            continue
        pieces[name] = [f"{name}__{number}" for number in range(len(parts))]
        divided |= zip(pieces[name], parts, strict=True)

    def join(found: re.Match[str]) -> str:
        name, kind = found.groups()
        if name not in pieces:
            return found.group()
        return f"arrayConcat({', '.join(f'{{{piece}:{kind}}}' for piece in pieces[name])})"

    return _LIST.sub(join, statement) if pieces else statement, divided


def run(client: Client, statement: str, parameters: Mapping[str, Any], **options: Any) -> bytes:
    """Run a statement of a small result, or of none; unlike `command`, its parameters are not in the address."""
    text, divided = divide(statement, parameters)
    return client.raw_query(text, divided, **options)


def _parts(values: list[Any]) -> Iterator[list[Any]]:
    """The list in parts of so many bytes at the most, with what stands between values."""
    part: list[Any] = []
    size = 0
    for value in values:
        length = len(value.encode()) + 4 if isinstance(value, str) else len(str(value)) + 2
        if part and size + length > FIELD_BYTES_MAX:
            yield part
            part, size = [], 0
        part.append(value)
        size += length
    yield part


# Bringing the store's schema to this version: numbered files, each applied once and recorded.
#
# Several processes may do it at once. There is no lock that one server and a cluster have in common, so every statement
# says IF NOT EXISTS, and applying a file twice does no harm.


_log = logging.getLogger(__name__)


def migrate(client: Client, database: str, cluster: str) -> None:
    """Make the database and apply what has not been applied; raises StoreFailed when an applied file has changed."""
    ground, *migrations = read_migrations()
    for statement in render_statement(ground, cluster, database):
        # They name the database themselves, for the first of them makes it.
        client.command(statement, use_database=False)
    applied = {int(number): str(sha256) for number, sha256 in client.query(query("migrations")).result_rows}
    for migration in migrations:
        if migration.number not in applied:
            for statement in render_statement(migration, cluster):
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
