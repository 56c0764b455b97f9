"""Native parameters of statements, as a request carries them: each is a field of a form, and a field is bounded."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clickhouse_connect.driver.client import Client

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
