"""The store's SQL: queries/ by name, tables/ for tables that exist during one piece of work, and native parameters."""

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from clickhouse_connect.driver.client import Client

from footfall.store.engine.sql import identifier
from footfall.store.errors import StoreTimeout

_SEPARATOR = "-- then\n"
_CLUSTER_SEPARATOR = "-- then, on a cluster\n"
_PLAIN = re.compile(r"[\w ]+")
# Parameters are fields of a form. A server takes fields of 128 KiB by default (http_max_field_value_size), and escaping
# doubles a value at the most.
FIELD_BYTES_MAX = 60 * 1024
# What the client escapes in a string; the backslash comes first.
_ESCAPED = ("\\", "'", "`", "\t", "\n")
_LIST = re.compile(r"\{(\w+):(Array\(\w+\))\}")


def statement_time_s(deadline_s: float) -> int:
    """The seconds that the next statement may take, rounded up; `deadline_s` is on the monotonic clock.

    Raises StoreTimeout when the deadline is over.
    """
    left_s = math.ceil(deadline_s - time.monotonic())
    if left_s <= 0:
        raise StoreTimeout("the time was over between two statements")
    return left_s


@cache
def query(name: str) -> str:
    """The text of queries/NAME.sql; raises FileNotFoundError."""
    return sql_folder("queries").joinpath(f"{name}.sql").read_text("utf-8")


def table_statements(name: str, database: str, cluster: str, names: dict[str, str]) -> list[str]:
    """The statements of tables/NAME.sql, for one server (`cluster` empty) or a cluster.

    `names` fill the file's own placeholders; they have only letters, digits, _ and spaces, because they are not quoted.
    """
    text = _read_table_file(name)
    for word, value in names.items():
        assert _PLAIN.fullmatch(value), value  # noqa: S101 - our own mistake
        text = text.replace("{{" + word + "}}", value)
    return render_statements(text, cluster, database)


def render_statements(text: str, cluster: str, database: str = "") -> list[str]:
    """The statements of a file's text, for one server (`cluster` empty) or a cluster.

    The placeholders are a closed set; the two names, which come from the settings, are quoted.
    """
    alone, *clustered = text.split(_CLUSTER_SEPARATOR)
    text = _SEPARATOR.join([alone, *clustered]) if cluster else alone
    values = {
        "database": identifier(database),
        "cluster": identifier(cluster),
        "on_cluster": f"ON CLUSTER {identifier(cluster)}" if cluster else "",
        "replicated": "Replicated" if cluster else "",
        "shard": "_shard" if cluster else "",
    }
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return [statement.strip() for statement in text.split(_SEPARATOR)]


def alteration(
    statement: str, parameters: Mapping[str, Any], cluster: str, table: str
) -> tuple[str, Mapping[str, Any]]:
    """A statement that alters a table, and its parameters, for one server (`cluster` empty) or a cluster.

    Without a table, both as they are.
    """
    if not table:
        return statement, parameters
    (text,) = render_statements(statement, cluster)
    return text, {**parameters, "table": f"{table}_shard" if cluster else table}


def sql_folder(name: str) -> Traversable:
    return files("footfall.store").joinpath(name)


@cache
def _read_table_file(name: str) -> str:
    return sql_folder("tables").joinpath(f"{name}.sql").read_text("utf-8")


class Identifier:
    """The value of a parameter of the type Identifier, which is sent without the escapes of a string."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return self._name


class TextArray:
    """The value of a parameter of the type Array(String): the client itself escapes it character by character.

    A list of 10 MB, such as the layouts of 10,000 types, takes the client 2 s, and this 0.1 s, to the same text.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._text = "[" + ", ".join([f"'{_escape(value)}'" for value in values]) + "]"

    def __str__(self) -> str:
        return self._text


def divide_lists(statement: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The statement and its parameters, with each long list divided into parameters that fit a field."""
    divided: dict[str, Any] = {}
    pieces: dict[str, list[str]] = {}
    for name, value in parameters.items():
        if not isinstance(value, list):
            divided[name] = value
            continue
        parts = [TextArray(part) if part and isinstance(part[0], str) else part for part in _parts(value)]
        if len(parts) == 1:
            divided[name] = parts[0]
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
    text, divided = divide_lists(statement, parameters)
    return client.raw_query(text, divided, **options)


def _escape(text: str) -> str:
    for character in _ESCAPED:
        text = text.replace(character, f"\\{character}")
    return text


def _parts(values: list[Any]) -> Iterator[list[Any]]:
    """The list in parts of FIELD_BYTES_MAX bytes at the most, separators included."""
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
