"""What a statement may do in the engine: read and write its tables, and compute.

chDB has no users and no grants: whoever may send a statement could have it read any file of the service's user, write
files, and call other machines. So the front looks at each statement before it runs, and takes only plain SQL: where the
engine would tell quotes and comments apart in another way than this module does, a statement is refused.

The names of table functions are the engine's own, so that those of later versions are refused too.
"""

import re
from collections.abc import Iterable, Mapping

from footfall.store.engine import sql
from footfall.store.engine.executors import EngineError

_ACCESS_DENIED = 497
_SYNTAX_ERROR = 62
# Table functions that compute their rows, or take those that come with the statement.
_COMPUTING = frozenset(
    {"format", "generate_series", "generaterandom", "generateseries", "input", "null", "numbers", "numbers_mt"}
    | {"primes", "sqlstandardvalues", "values", "view", "zeros", "zeros_mt"}
)
# Functions beside those: the first reads files too, the other makes a disk of any folder or machine.
_REACHING = frozenset({"file", "disk"})
_STATEMENTS = frozenset(
    {"ALTER", "CHECK", "CREATE", "DELETE", "DESC", "DESCRIBE", "DROP", "EXCHANGE", "EXISTS", "EXPLAIN", "FROM"}
    | {"INSERT", "KILL", "OPTIMIZE", "RENAME", "SELECT", "SET", "SHOW", "SYSTEM", "TRUNCATE", "UPDATE", "WITH"}
)
# What may stand behind the first word; RENAME DATABASE would give the database of all files another name.
_OBJECTS = {
    "ALTER": {"TABLE"},
    "CREATE": {"DATABASE", "MATERIALIZED", "OR", "TABLE", "TEMPORARY", "VIEW"},
    "EXCHANGE": {"TABLES"},
    "RENAME": {"TABLE"},
    # Maintenance of tables and caches.
    "SYSTEM": {"DROP", "START", "STOP"},
}
_ENGINES = frozenset({"ATOMIC", "MEMORY", "NULL"})
_TREE = re.compile(r"(?!REPLICATED)\w*MERGETREE")
# chDB's own database, in which the name of a table is the path of a file.
_FILES = "default"

_NAME = r"(?>\w+|\"[^\"\\]*\"|`[^`\\]*`)"
# An INSERT whose data stand behind its format: no part of the statement. Values may be expressions, and are.
_DATA = re.compile(
    rf"\s*INSERT\s+INTO\s+(?:TABLE\s+)?{_NAME}(?:\s*\.\s*{_NAME})?"
    rf"\s*(?:\(\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\))?\s*FORMAT\s+(?!VALUES\b)\w+\s",
    re.IGNORECASE | re.ASCII,
)
_NOT_PLAIN = re.compile(r"""[^\x20-\x7e\t\n\r]|[$#'"`\\]|/\*|//|;\s*[^;\s]""")
_WORDS = re.compile(r"\w+", re.ASCII)
_FORBIDDEN = re.compile(
    r"\b(?:OUTFILE|INFILE|FUNCTION|DICTIONARY|COLLECTION|FREEZE|UNFREEZE|FETCH|TO\s+(?:DISK|VOLUME)|FORMAT\s+VALUES)\b",
    re.IGNORECASE,
)
_ENGINE = re.compile(r"\bENGINE\b\s*=?\s*(\w*)", re.IGNORECASE)
# One table of many, as long as they are of the database that the statement is in.
_MERGE = re.compile(r"\bMerge\(currentDatabase\(\)")
_CALL = re.compile(r"(\w+)\s*\(", re.ASCII)
_IN_FILES = re.compile(rf"\b{_FILES}\s*\.")
# A parameter that names a database; alone, a parameter names a column or a table, and those may have any name.
_GIVEN_DATABASE = re.compile(r"\{\s*(\w+)\s*:\s*Identifier\s*\}\s*\.", re.IGNORECASE)
# Stands for a quoted name that is no plain word.
_ODD = "_odd_"


class Rights:
    """What all statements may do. `table_functions` are the names of those that the engine has."""

    def __init__(self, table_functions: Iterable[str]) -> None:
        self._refused = {name.lower() for name in table_functions} - _COMPUTING | _REACHING | {_ODD}

    def check(self, text: str | bytes, database: str, parameters: Mapping[str, str]) -> None:
        """Raise EngineError for a statement that may not run, saying what of it."""
        statement = text if isinstance(text, str) else text.decode("latin-1")
        if found := _DATA.match(statement):
            statement = found.group()
        words, named = _plain(statement)
        if found := _NOT_PLAIN.search(words):
            raise EngineError(_SYNTAX_ERROR, f"One statement of plain SQL is taken, without {found.group()!r}.")
        self._check_words(words)
        for call in _CALL.finditer(named):
            if call[1].lower() in self._refused:
                raise _denied(f"the function {call[1]}")
        names = [database, *(parameters.get(name, "") for name in _GIVEN_DATABASE.findall(words))]
        if _FILES in names or _IN_FILES.search(named):
            raise _denied(f"the database {_FILES}, whose tables are files")

    def _check_words(self, words: str) -> None:
        first, second = ([word.upper() for word in _WORDS.findall(words[:200])] + ["", ""])[:2]
        if first not in _STATEMENTS:
            raise EngineError(_SYNTAX_ERROR, f"{first[:50]!r} begins no statement that is taken. (SYNTAX_ERROR)")
        if second not in _OBJECTS.get(first, {second}):
            raise _denied(f"{first} {second}")
        if found := _FORBIDDEN.search(words):
            raise _denied(found.group())
        if first == "CREATE":
            for engine in _ENGINE.findall(words):
                if engine.upper() not in _ENGINES and not _TREE.fullmatch(engine.upper()):
                    raise _denied(f"the table engine {engine}")


def _plain(statement: str) -> tuple[str, str]:
    """The statement without what is quoted or a comment; and the same with quoted names as bare words."""
    statement = _MERGE.sub("MergeTree(", statement)
    words = sql.QUOTED.sub(lambda found: found["open"] or (" _ " if found["name"] else " "), statement)
    named = sql.QUOTED.sub(lambda found: f" {_bare(found['name'])} " if found["name"] else " ", statement)
    return words, named


def _bare(name: str) -> str:
    return name[1:-1] if _WORDS.fullmatch(name[1:-1]) else _ODD


def _denied(what: str) -> EngineError:
    return EngineError(_ACCESS_DENIED, f"Not enough privileges: {what} is not for statements here. (ACCESS_DENIED)")
