"""All texts of the page: a file for each page, `NAME.toml`, and `common.toml` for what several show.

A text is asked for by its name, `overview.title`. Names in braces are filled: `"{events} events"`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["all_texts", "text"]


def text(name: str, /, **values: Any) -> str:
    """The text of this name, filled. Raises KeyError where there is none."""
    found = all_texts()[name]
    return found.format_map(values) if values else found


@cache
def all_texts() -> Mapping[str, str]:
    """Every text by its name."""
    tables = ((path.name, path.read_text("utf-8")) for path in files(__package__).iterdir())
    return {
        f"{name.removesuffix('.toml')}.{key}": value
        for name, toml in tables
        if name.endswith(".toml")
        for key, value in _flat(tomllib.loads(toml))
    }


def _flat(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, str):
            yield key, value
        else:
            yield from ((f"{key}.{inner}", each) for inner, each in _flat(value))
