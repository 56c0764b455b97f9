"""Reading and rewriting a statement's text: its first keyword, its format, a file or pipe for its data or result.

Everything is found from the tokens, so that a word in quotes or in a comment is never taken for a keyword. rights.py
decides what a statement may do.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from footfall.store.engine.tokens import Token, UnreadableStatement, scan

_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Statements whose result may have any size, and goes out while it is made.
STREAMED = frozenset({"SELECT", "WITH", "FROM"})
# Statements that change nothing, and KILL, which must never wait behind a load.
READING = STREAMED | {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "KILL"}
DEFAULT_FORMAT = "TabSeparated"
# The words before the name of the table that an INSERT writes into.
_INSERTING = frozenset({"INSERT", "INTO", "TABLE"})


class _Tail(NamedTuple):
    """How a statement ends: the keyword before its format, the format, and the end of the last token but `;`.

    `settings` is where the last clause of settings before that begins; `has_more` is whether one stands behind.
    """

    keyword: Token | None = None
    form: str = ""
    has_more: bool = False
    settings: int | None = None
    end: int = 0


def read_keyword(sql: str) -> str:
    """The first word of a statement, in capitals; none where it cannot be read."""
    try:
        for token in scan(sql):
            if not token.is_sign("("):
                return token.word
    except UnreadableStatement:
        pass
    return ""


def read_target(sql: str) -> tuple[str, str]:
    """The database and the table that an INSERT writes into; the database is empty where it names none."""
    rest = (token for token in scan(sql) if token.word not in _INSERTING)
    first, sign, second = (next(rest, None) for _ in range(3))
    if first and sign and second and sign.is_sign("."):
        return first.text, second.text
    return "", first.text if first else ""


def read_format(sql: str) -> str:
    """The format in which a statement wants its result."""
    return _read_tail(sql).form or DEFAULT_FORMAT


def into_file(sql: str, path: str) -> str:
    """A SELECT with its result going to the end of a file instead of to the caller."""
    tail = _read_tail(sql)
    at = tail.keyword.start if tail.keyword else tail.end
    rest = sql[at:] if tail.keyword else f"FORMAT {DEFAULT_FORMAT}"
    return f"{sql[:at]}\nINTO OUTFILE {quote(path)} APPEND {rest}"


def from_file(sql: str, path: str, compression: str) -> str | None:
    """An INSERT ... FORMAT with its data coming from a file; None when it names no format at its end.

    Where it selects from input(STRUCTURE), which only a server has, that becomes a function that reads the file.
    """
    tail = _read_tail(sql)
    if tail.keyword is None or tail.has_more:
        return None
    at = tail.keyword.start if tail.settings is None else tail.settings
    if reading := _find_input(sql[:at]):
        called, opening, closing = reading
        structure = sql[opening.end : closing.start]
        source = f"file({quote(path)}, {tail.form}, {structure}, {quote(compression)})"
        return f"{sql[: called.start]}{source}{sql[closing.end : tail.keyword.start]}"
    # Settings have to stand behind the file's name.
    source = f"FROM INFILE {quote(path)} COMPRESSION {quote(compression)}"
    return f"{sql[:at]} {source} {sql[at:]}"


def _read_tail(sql: str) -> _Tail:
    tail, last, settings = _Tail(), None, None
    for token in scan(sql):
        if token.is_sign(";"):
            continue
        if last is not None and last.word == "FORMAT" and token.is_name:
            tail = _Tail(last, token.text, settings=settings)
        elif tail.keyword is not None and (tail.has_more or token.word == "SETTINGS"):
            tail = tail._replace(has_more=True)
        elif tail.keyword is not None:
            tail = _Tail()
        if token.word == "SETTINGS":
            settings = token.start
        last = token
    return tail._replace(end=last.end if last else 0)


def _find_input(sql: str) -> tuple[Token, Token, Token] | None:
    """The tokens `input`, `(` and `)` around the structure of an INSERT's data."""
    last, found = None, None
    for token in scan(sql):
        if found and token.is_sign(")"):
            return *found, token
        if token.is_sign("("):
            found = (last, token) if last is not None and last.word == "INPUT" else None
        last = token
    return None


def is_setting(name: str) -> bool:
    """Whether this may be the name of a setting; the engine knows which there are."""
    return _SETTING_NAME.fullmatch(name) is not None


def set_settings(settings: Mapping[str, str]) -> str:
    """One SET statement for settings whose names have been checked."""
    assert all(map(is_setting, settings))  # noqa: S101 - our own mistake
    return "SET " + ", ".join(f"{name} = {quote(value)}" for name, value in settings.items())


def quote(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
