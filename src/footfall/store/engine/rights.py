"""Decides whether a statement may run in the engine: it may read and write the engine's tables, and compute.

chDB has no users and no grants: a statement could read any file of the service's user, write files, and call other
machines. So each statement is read token by token before it runs, and may use only what the lists of allowed.py name.
Functions are the exception: all are allowed but those that reach beyond the tables. The names of table functions come
from the engine, so that those of later versions are refused too.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from footfall.store.engine.allowed import (
    COMPUTING,
    ENGINES,
    INPUTS,
    LOOKED_AT,
    OUTPUTS,
    REACHING,
    REACHING_FAMILIES,
    SETTINGS,
)
from footfall.store.engine.executors import EngineError
from footfall.store.engine.tokens import InsertHead, SettingsClause, Token, UnreadableStatement, scan

_ACCESS_DENIED: Final = 497
_SYNTAX_ERROR: Final = 62
_UNKNOWN_SETTING: Final = 115
# What may stand behind the first word, where not everything may.
_OBJECTS: Final[dict[str, set[str]]] = {
    **{word: set() for word in ("CHECK", "DELETE", "DESC", "DESCRIBE", "EXISTS", "EXPLAIN", "FROM", "SELECT", "WITH")},
    **{word: set() for word in ("OPTIMIZE", "SET", "SHOW", "UPDATE")},
    "ALTER": {"TABLE"},
    "CREATE": {"DATABASE", "MATERIALIZED", "OR", "TABLE", "TEMPORARY", "VIEW"},
    "DROP": {"DATABASE", "TABLE", "TEMPORARY", "VIEW"},
    "EXCHANGE": {"TABLES"},
    "INSERT": {"INTO"},
    "KILL": {"MUTATION", "QUERY"},
    # RENAME DATABASE would give the database of all files another name.
    "RENAME": {"TABLE"},
    # Maintenance of tables and caches.
    "SYSTEM": {"DROP", "START", "STOP"},
    "TRUNCATE": {"DATABASE", "TABLE"},
}
# What else may stand in front of a CREATE's object; that is one of those that it names first.
_MODIFIERS: Final = frozenset({"MATERIALIZED", "OR", "REPLACE", "TEMPORARY"})
_CREATABLE: Final = frozenset({"DATABASE", "TABLE", "VIEW"})
_PAIRS: Final = frozenset(
    {("INTO", "OUTFILE"), ("FROM", "INFILE"), ("INTO", "FUNCTION"), ("TABLE", "FUNCTION"), ("PARALLEL", "WITH")}
    | {("TO", "DISK"), ("TO", "VOLUME"), ("TO", "FUNCTION"), ("NAMED", "COLLECTION")}
)
# Words of an ALTER that copy parts from and to elsewhere.
_ALTERING: Final = frozenset({"EXPORT", "FETCH", "FREEZE", "UNFREEZE"})
# chDB's own database, in which the name of a table is the path of a file; and the one that statements begin in.
_FILES: Final = "default"
_SYSTEM: Final = "system"
_DESTROYING: Final = frozenset({"ALTER", "DROP", "EXCHANGE", "RENAME", "TRUNCATE"})
_QUERIES: Final = frozenset({"FROM", "INSERT", "SELECT", "WITH"})
# One table of many, as long as they are of the database that the statement is in.
_MERGE: Final = ("(", "CURRENTDATABASE", "(", ")", ",")
# A structure of rows with these has expressions.
_EXPRESSIONS: Final = re.compile(r"\\|\b(?:ALIAS|DEFAULT|EPHEMERAL|MATERIALIZED)\b", re.IGNORECASE)
_PLAIN: Final = re.compile(r"\w+", re.ASCII)
_NONE: Final = Token("", "", 0, 0, "")


class Rights:
    """What all statements may do. `table_functions` are the names of those that the engine has."""

    def __init__(self, table_functions: Iterable[str]) -> None:
        self._refused = frozenset({name.lower() for name in table_functions} - COMPUTING - LOOKED_AT | {"disk"})

    def check(
        self, text: str | bytes, database: str, parameters: Mapping[str, str], settings: Iterable[str] = ()
    ) -> None:
        """Raise EngineError for a statement that may not run, or not with such settings, saying what of it."""
        for name in settings:
            _check_setting(name)
        if database == _FILES:
            raise _files()
        statement = text if isinstance(text, str) else text.decode("latin-1")
        reading = _Reading(self._refused, parameters)
        try:
            for token in scan(statement):
                reading.take(token)
                if reading.has_data:
                    return
        except UnreadableStatement as error:
            raise EngineError(_SYNTAX_ERROR, f"One statement of plain SQL is taken, without {error}.") from error
        reading.end()


class _Reading:
    """The tokens of one statement as they come."""

    def __init__(self, refused: frozenset[str], parameters: Mapping[str, str]) -> None:
        self._refused = refused
        self._parameters = parameters
        self._last: deque[Token] = deque([_NONE] * 6, maxlen=6)
        self._first = self._second = ""
        # Whether the object of a CREATE is still to come.
        self._awaits_object = False
        # What the next tokens have to be; anything else is refused with the words behind.
        self._expected: deque[Callable[[Token], bool]] = deque()
        self._unexpected = ""
        self._settings = SettingsClause(_check_setting, _refuse_value)
        self._insert = InsertHead()
        # The format that the statement ends with, as far as it is known.
        self._format = ""

    @property
    def has_data(self) -> bool:
        """Whether all that follows is the data of an INSERT, and no part of the statement; values are expressions."""
        return bool(self._insert.format)

    def take(self, token: Token) -> None:
        """Check the next token; raises EngineError."""
        if self._last[-1].is_sign(";") and not token.is_sign(";"):
            raise EngineError(_SYNTAX_ERROR, "One statement of plain SQL is taken, without ';' in it.")
        if self._expected and not self._expected.popleft()(token):
            raise _denied(self._unexpected)
        self._check_begin(token)
        self._check_words(token)
        self._check_engine(token)
        self._check_names(token)
        self._follow(token)
        self._last.append(token)

    def end(self) -> None:
        """Check what only the end of the statement decides; raises EngineError."""
        if not self._first:
            raise EngineError(_SYNTAX_ERROR, "There is no statement. (SYNTAX_ERROR)")
        allowed = INPUTS if self._first == "INSERT" else OUTPUTS
        if self._format and self._format.lower() not in allowed:
            raise _denied(f"the format {self._format[:50]}")

    def _check_begin(self, token: Token) -> None:
        """The first two words; and the object of a CREATE, which may have more in front."""
        if self._awaits_object and token.word not in _MODIFIERS:
            self._awaits_object = False
            if token.word not in _CREATABLE:
                raise _denied(f"CREATE {token.text[:50]}")
        if not self._first:
            if token.is_sign("("):
                return
            self._first = token.word
            self._awaits_object = self._first == "CREATE"
            if self._first not in _OBJECTS:
                raise EngineError(_SYNTAX_ERROR, f"{token.text[:50]!r} begins no statement here. (SYNTAX_ERROR)")
        elif not self._second:
            self._second = token.word or token.text
            if self._second not in (_OBJECTS[self._first] or {self._second}):
                raise _denied(f"{self._first} {self._second[:50]}")

    def _check_words(self, token: Token) -> None:
        word, before = token.word, self._last[-1].word
        if (before, word) in _PAIRS:
            raise _denied(f"{before} {word}")
        # Behind APPLY stands a function without being called.
        if word == "APPLY" or (word in _ALTERING and self._first == "ALTER"):
            raise _denied(word)

    def _check_engine(self, token: Token) -> None:
        if self._first != "CREATE" or not self._names_engine(token):
            return
        name = token.text.lower()
        if name == "merge":
            self._expect("the table engine Merge over another database", *map(_is, _MERGE))
        elif name not in ENGINES:
            raise _denied(f"the table engine {token.text[:50]}")

    def _names_engine(self, token: Token) -> bool:
        before, last = self._last[-2], self._last[-1]
        return (last.word == "ENGINE" and not token.is_sign("=")) or (before.word == "ENGINE" and last.is_sign("="))

    def _check_names(self, token: Token) -> None:
        last = self._last[-1]
        if token.is_sign(".") and not self._last[-2].is_sign("."):
            self._check_database(self._given() if last.is_sign("}") else last.text)
        elif token.is_sign("("):
            self._check_call(last)
        elif self._first not in _QUERIES and last.word in ("DATABASE", "EXISTS", "FROM", "IN"):
            self._check_database(token.text)
        elif token.is_sign("}") and last.word == "IDENTIFIER":
            self._check_given(self._parameters.get(self._last[-3].text), self._last[-5])
        if (
            token.is_name
            and _reaches(token.text)
            and not self._names_column(last)
            and not self._names_table(list(self._last))
        ):
            raise _denied(f"the function {token.text[:50]}")

    def _check_given(self, name: str | None, before: Token) -> None:
        """What a parameter names, or will name in a view that is to be made."""
        if self._second == "DATABASE":
            self._check_database(name)
        if not self._names_column(before) and (_reaches(name) if name is not None else self._first == "CREATE"):
            raise _denied(f"the function {name}")

    def _names_column(self, before: Token) -> bool:
        """Whether what stands behind a token is no function: arrayMap(file, ..) calls one without brackets."""
        return before.word == "AS" or before.is_sign(".")

    def _check_database(self, name: str | None) -> None:
        """None is a parameter's that has no value yet, in a view that is to be made."""
        if name is None or name.lower() == _FILES or "\\" in name:
            raise _files()
        if name.lower() == _SYSTEM and self._first in _DESTROYING:
            raise _denied(f"{self._first} of the database {_SYSTEM}")

    def _given(self) -> str | None:
        """The value of the parameter that the last tokens name, `{name:Identifier}`."""
        opening, name, _, kind = list(self._last)[-5:-1]
        return self._parameters.get(name.text) if opening.is_sign("{") and kind.word == "IDENTIFIER" else ""

    def _check_call(self, called: Token) -> None:
        name = called.text.lower()
        if called.is_sign("}"):
            raise _denied("a function that a parameter names")
        # The engine of a table that was looked at, when something is still expected behind it.
        is_engine = name == "merge" and bool(self._expected)
        if not called.is_name or is_engine or self._names_table(list(self._last)[:-1]):
            return
        if not _PLAIN.fullmatch(name) or name in self._refused or _reaches(name):
            raise _denied(f"the function {called.text[:50]}")
        if name == "values" and not self._insert.has_values:
            raise _denied("the function values")
        if name == "format":
            # The function has a pattern there; the table function has the name of a format.
            self._expect("the table function format", _is_pattern, lambda token: token.text in (",", ")"))
        if name == "input":
            self._expect("input with a structure of expressions", _is_structure, _is(")"))

    def _names_table(self, before: list[Token]) -> bool:
        """Whether what stands behind these tokens is the name of a table that gets rows or is made."""
        if before[-1].is_sign("."):
            before = before[:-2]
        words = [token.word for token in before]
        if self._first == "INSERT":
            return words[-1:] in (["INTO"], ["TABLE"]) and not self._insert.is_query
        return self._first == "CREATE" and (words[-1:] == ["TABLE"] or words[-3:] == ["IF", "NOT", "EXISTS"])

    def _follow(self, token: Token) -> None:
        last, in_settings = self._last[-1], self._settings.is_open
        is_setting = token.word == "SETTINGS" or (token.word == "SETTING" and self._first == "ALTER")
        self._settings.take(token, is_setting or (self._first == "SET" and last is _NONE))
        if self._first == "INSERT":
            self._insert.take(token, self._settings.is_open)
            if self.has_data and self._insert.format.lower() not in INPUTS:
                raise _denied(f"the format {self._insert.format[:50]} of data")
        if last.word == "FORMAT" and token.is_name:
            self._format = token.text
        elif not (self._settings.is_open or in_settings or token.is_sign(";")):
            self._format = ""

    def _expect(self, otherwise: str, *expected: Callable[[Token], bool]) -> None:
        self._expected, self._unexpected = deque(expected), otherwise


def _is(text: str) -> Callable[[Token], bool]:
    return lambda token: token.text.upper() == text


def _reaches(name: str) -> bool:
    return name.lower() in REACHING or name.lower().startswith(REACHING_FAMILIES)


def _is_pattern(token: Token) -> bool:
    return token.kind == "string" and not _PLAIN.fullmatch(token.text[1:-1]) and "\\" not in token.text


def _is_structure(token: Token) -> bool:
    return token.kind == "string" and not _EXPRESSIONS.search(token.text)


def _check_setting(name: str) -> None:
    if name not in SETTINGS:
        message = f"There is no setting {name[:50]!r}, or it is not for statements here. (UNKNOWN_SETTING)"
        raise EngineError(_UNKNOWN_SETTING, message)


def _refuse_value() -> None:
    raise _denied("a setting whose value is not one word, number or string")


def _files() -> EngineError:
    return _denied(f"the database {_FILES}, whose tables are files")


def _denied(what: str) -> EngineError:
    return EngineError(_ACCESS_DENIED, f"Not enough privileges: {what} is not for statements here. (ACCESS_DENIED)")
