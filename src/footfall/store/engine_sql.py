"""What the engine must know of a statement's text: where its format stands, and whether it reads.

Quoted parts and comments are blanked before anything is looked for, so that a word inside them is never taken for a
keyword. Nothing here decides what a statement may do: that is the engine's own parser's business.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

_QUOTED = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`\\]|\\.|``)*` | --[^\n]* | /\*.*?\*/""",
    re.DOTALL | re.VERBOSE,
)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*(?:;\s*|\bSETTINGS\b[^;]*;?\s*)?$", re.IGNORECASE)
INSERT_BYTES = re.compile(rb"\s*INSERT\s+INTO\b", re.IGNORECASE)
_INSERT = re.compile(r"\s*INSERT\s+INTO\b", re.IGNORECASE)
_INSERT_TAIL = re.compile(r"\b(?:SETTINGS\b.*?\b)?FORMAT\s+\w+\s*;?\s*$", re.IGNORECASE | re.DOTALL)
_FIRST_WORD = re.compile(r"[\s(]*(\w*)")
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Statements that chDB streams; others it refuses to, so they run in one go (their results are small).
STREAMED = frozenset({"SELECT", "WITH", "FROM"})
# Statements that change nothing: they share the lanes of the readers. KILL is among them, for it must never wait.
READING = STREAMED | {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "KILL"}
# Formats without a head or a foot. chDB encodes each streamed block by itself, so that in any other format (with
# names, JSON, Parquet) head and foot would be repeated with every block. CustomSeparated has them only when asked.
HEADLESS = frozenset(
    {"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "JSONLines", "NDJSON", "CustomSeparated"}
)
_ASKED_FOR_HEAD = re.compile(r"format_custom_(?:result|row_between)")
DEFAULT_FORMAT = "TabSeparated"


class Shape(Struct, frozen=True):
    """The first word of a statement in capitals, its output format, and where the word FORMAT stands (or its end)."""

    word: str
    format: str
    format_at: int


def blank(sql: str) -> str:
    """The statement with quoted parts and comments as spaces; every other character stays at its place."""
    return _QUOTED.sub(lambda match: " " * len(match.group()), sql)


def read_shape(sql: str) -> Shape:
    """Look at a statement that carries no inline data."""
    bare = blank(sql)
    first = _FIRST_WORD.match(bare)
    found = _FORMAT.search(bare)
    return Shape(
        word=first.group(1).upper() if first else "",
        format=found.group(1) if found else DEFAULT_FORMAT,
        format_at=found.start() if found else len(bare.rstrip("; \t\r\n")),
    )


def is_headless(sql: str, shape: Shape, settings: Mapping[str, str]) -> bool:
    """Whether the blocks of the result may be sent one after the other as they come."""
    if shape.format not in HEADLESS:
        return False
    return not any(_ASKED_FOR_HEAD.search(text) for text in (sql, *settings))


def is_insert(sql: str) -> bool:
    return _INSERT.match(blank(sql)) is not None


def into_file(sql: str, shape: Shape, path: str) -> str:
    """The SELECT with its result going to a new file instead of to the caller."""
    head, tail = sql[: shape.format_at], sql[shape.format_at :].strip() or f"FORMAT {shape.format}"
    return f"{head}\nINTO OUTFILE {quote(path)} {tail}"


def from_file(sql: str, path: str, compression: str) -> str | None:
    """The INSERT ... FORMAT with its data coming from a file; None when it names no format at its end."""
    found = _INSERT_TAIL.search(blank(sql))
    if found is None:
        return None
    source = f"FROM INFILE {quote(path)} COMPRESSION {quote(compression)}"
    return f"{sql[: found.start()]} {source} {sql[found.start() :]}"


def set_settings(settings: Mapping[str, str]) -> str | None:
    """One SET statement for all settings, or None when there are none; raises ValueError for a name that is none."""
    for name in settings:
        if not _SETTING_NAME.fullmatch(name):
            raise ValueError(f"not the name of a setting: {name[:50]!r}")
    if not settings:
        return None
    return "SET " + ", ".join(f"{name} = {quote(value)}" for name, value in settings.items())


def quote(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
