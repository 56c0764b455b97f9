"""What the engine must know of a statement's text: its first word, and where its format stands.

Comments and what is between quotes are blanked before anything is looked for, so that a word inside them is never taken
for a keyword. What a statement may do is decided in engine_rights.py.
"""

import re
from collections.abc import Mapping

# Quoted parts and comments. A quote without an end takes all that follows, so that the search is linear; a comment that
# holds the sign of another one is none, for the engine nests them.
QUOTED = re.compile(
    r"""'(?:[^'\\]|\\.|'')*+' | (?P<name>"(?:[^"\\]|\\.|"")*+" | `(?:[^`\\]|\\.|``)*+`)
    | --[^\n]* | /\*(?:(?!/\*|\*/).)*+\*/ | (?P<open>['"`].*)""",
    re.DOTALL | re.VERBOSE,
)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*(?:\bSETTINGS\b[^;]*)?;?\s*$", re.IGNORECASE)
_INSERT_TAIL = re.compile(r"\b(?:SETTINGS\b.*?\b)?FORMAT\s+\w+\s*;?\s*$", re.IGNORECASE | re.DOTALL)
_FORMAT_WORDS = re.compile(r"\bFORMAT\s+\w+\s*;?\s*$", re.IGNORECASE)
_INPUT = re.compile(r"\binput\s*\(([^()]*)\)", re.IGNORECASE)
_FIRST_WORD = re.compile(r"[\s(]*(\w*)")
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Statements whose result may have any size, and goes out while it is made.
STREAMED = frozenset({"SELECT", "WITH", "FROM"})
# Statements that change nothing: they share the lanes of the readers. KILL is among them, for it must never wait long.
READING = STREAMED | {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "KILL"}
DEFAULT_FORMAT = "TabSeparated"


def blank(sql: str) -> str:
    """The statement with spaces for comments and for what is between quotes; each character stays at its place.

    The quotes themselves stay, for a statement may end with them.
    """
    return QUOTED.sub(lambda found: found["open"] or _blank(found.group()), sql)


def read_word(sql: str) -> str:
    """The first word of a statement, in capitals."""
    found = _FIRST_WORD.match(blank(sql))
    return found.group(1).upper() if found else ""


def read_format(sql: str) -> str:
    """The format in which a statement wants its result."""
    found = _FORMAT.search(blank(sql))
    return found.group(1) if found else DEFAULT_FORMAT


def into_file(sql: str, path: str) -> str:
    """A SELECT with its result going to the end of a file instead of to the caller."""
    bare = blank(sql)
    found = _FORMAT.search(bare)
    at = found.start() if found else len(bare.rstrip("; \t\r\n"))
    tail = sql[at:] if found else f"FORMAT {DEFAULT_FORMAT}"
    return f"{sql[:at]}\nINTO OUTFILE {quote(path)} APPEND {tail}"


def from_file(sql: str, path: str, compression: str) -> str | None:
    """An INSERT ... FORMAT with its data coming from a file; None when it names no format at its end.

    Where it selects from input(STRUCTURE), which only a server has, that becomes a function that reads the file.
    """
    bare = blank(sql)
    found = _INSERT_TAIL.search(bare)
    if found is None:
        return None
    if reading := _INPUT.search(bare, 0, found.start()):
        structure = sql[reading.start(1) : reading.end(1)]
        source = f"file({quote(path)}, {read_format(sql)}, {structure}, {quote(compression)})"
        tail = _FORMAT_WORDS.sub("", sql[found.start() :])
        return f"{sql[: reading.start()]}{source}{sql[reading.end() : found.start()]}{tail}"
    # Settings have to stand behind the file's name.
    source = f"FROM INFILE {quote(path)} COMPRESSION {quote(compression)}"
    return f"{sql[: found.start()]} {source} {sql[found.start() :]}"


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


def _blank(part: str) -> str:
    bare = " " * len(part)
    return f"{part[0]}{bare[2:]}{part[-1]}" if part[0] in "'\"`" else bare
