"""The tokens of a statement, and the two parts of it that their order shows: its settings, and the head of an INSERT.

Each character is read a bounded number of times. What the engine might read in another way is refused: a backslash in a
quoted name (an escape), `\\x` in a string without two hexadecimal digits (behind VALUES any two characters, a quote
among them, belong to it), `$` (text between tags), `#` and `//` (comments in some places), a comment in a comment (the
engine nests them), and anything but ASCII outside of quotes, because the engine takes other quotes and blanks too.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""
    (?P<blank> (?: [ \t\r\n]++ | --[^\n]*+ | /\*(?:(?!/\*|\*/).)*+\*/ )++ )
    | (?P<word> \w++ )
    | (?P<string> '(?:[^'\\]++|\\x[0-9A-Fa-f]{2}|\\[^x]|'')*+' )
    | (?P<name> "(?:[^"\\]++|"")*+" | `(?:[^`\\]++|``)*+` )
    | (?P<sign> \|(?!>) | /(?![*/]) | [-+*%=<>!,.;:?()\[\]{}@^&] )
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)


class UnreadableStatement(Exception):
    """A statement that the engine might read in another way; it says what of it."""


class Token(NamedTuple):
    """One token: a `word` (a number is one too), a `string`, a quoted `name`, or a `sign`, and where it stands.

    The text of a name is without its quotes; that of a string is with them, and with its escapes. `word` is
    what is no quoted one in capitals, for keywords are never quoted.
    """

    kind: str
    text: str
    start: int
    end: int
    word: str

    @property
    def is_name(self) -> bool:
        """Whether it may name a thing."""
        return self.kind in ("word", "name")

    def is_sign(self, sign: str) -> bool:
        """Whether it is this sign."""
        return self.kind == "sign" and self.text == sign


def scan(statement: str) -> Iterator[Token]:
    """The tokens in their order, without blanks and comments; they are read as they are asked for.

    Raise UnreadableStatement.
    """
    at = 0
    while at < len(statement):
        found = _TOKEN.match(statement, at)
        if found is None or found.lastgroup is None:
            raise UnreadableStatement(f"{statement[at : at + 2]!r}")
        kind, at = found.lastgroup, found.end()
        if kind == "blank":
            continue
        text = found.group()
        if kind == "name":
            text = text[1:-1].replace(2 * text[0], text[0])
        yield Token(kind, text, found.start(), at, text.upper() if kind == "word" else "")


class SettingsClause:
    """Follows the tokens of a statement, and hands over the name of each setting that a clause of it has.

    `SETTINGS a = 1, b = 'x'`: a value is one token with a sign. A setting without a value is switched on; where
    the word names a column, nothing is handed over.
    """

    def __init__(self, found: Callable[[str], None], refused: Callable[[], None]) -> None:
        """`refused` raises an error, for values of other kinds."""
        self._found = found
        self._refused = refused
        self._name = ""
        self._take: Callable[[Token], bool] = self._outside

    @property
    def is_open(self) -> bool:
        """Whether the last token was a part of a clause."""
        return self._take != self._outside

    def begin(self) -> None:
        """A clause begins with the next token."""
        self._take = self._want_name

    def take(self, token: Token, is_keyword: bool) -> None:
        """The next token of the statement; `is_keyword` where it would begin a clause."""
        if not self._take(token):
            self._take = self._outside
        if is_keyword and not self.is_open:
            self.begin()

    def _outside(self, _: Token) -> bool:
        return False

    def _want_name(self, token: Token) -> bool:
        if token.text == "{" or token.kind == "string":
            self._refused()
        if token.is_name:
            self._name, self._take = token.text, self._want_equals
        return token.is_name or token.text == "("

    def _want_equals(self, token: Token) -> bool:
        if token.text == ".":
            self._refused()
        if token.text == "=":
            self._found(self._name)
            self._take = self._want_value
        elif token.text == ",":
            self._take = self._want_name
        return token.kind == "sign" and token.text in "=,"

    def _want_value(self, token: Token) -> bool:
        if token.kind == "sign" and token.text in "+-":
            return True
        if token.kind not in ("word", "string"):
            self._refused()
        self._take = self._want_more
        return True

    def _want_more(self, token: Token) -> bool:
        if token.text == ".":
            self._take = self._want_value
        elif token.text == ",":
            self._take = self._want_name
        return token.kind == "sign" and token.text in ".,"


class InsertHead:
    """Follows the tokens of an INSERT, and finds where its data begin.

    `INSERT INTO [TABLE] a.b (names) SETTINGS .. FORMAT f` and then data in that format, or VALUES and then expressions;
    an INSERT that goes on in another way is a query to its end.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._place = "insert"
        # The format of the data that stand behind the last token.
        self.format = ""

    @property
    def is_query(self) -> bool:
        """Whether it is a query as far as it has been read."""
        return self._place == "query"

    @property
    def has_values(self) -> bool:
        """Whether the last token was the keyword before values."""
        return self._place == "values"

    def take(self, token: Token, in_settings: bool) -> None:
        """The next token of the statement; `in_settings` where it is a part of a clause of settings."""
        if self._place == "format" and token.is_name:
            self.format = token.text
        elif self._place in ("query", "format"):
            self._place = "query"
        elif token.kind == "sign" and token.text in "()":
            self._depth += 1 if token.text == "(" else -1
            self._place = "query" if self._place not in ("named", "listed") else "listed"
        elif self._depth or in_settings:
            # A query in brackets.
            self._place = "query" if token.word in ("SELECT", "WITH", "FROM") else "listed"
        else:
            self._place = self._follow(token)

    def _follow(self, token: Token) -> str:
        if self._place == "insert":
            return "into" if token.word == "INTO" else "insert" if token.word == "INSERT" else "query"
        if self._place == "into":
            return "into" if token.word == "TABLE" else "named" if token.is_name else "query"
        if self._place == "named" and token.text == ".":
            return "into"
        return {"FORMAT": "format", "VALUES": "values"}.get(token.word, "query")
