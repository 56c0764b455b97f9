"""The tokens of a statement, each character of it looked at a bounded number of times.

What the engine might read in another way is refused here: a backslash in a quoted name (an escape), `$` (text between
tags), `#` and `//` (comments in some places), a comment in a comment (the engine nests them), and anything but ASCII
outside of quotes, for the engine takes other quotes and blanks too.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""
    (?P<blank> (?: [ \t\r\n]++ | --[^\n]*+ | /\*(?:(?!/\*|\*/).)*+\*/ )++ )
    | (?P<word> \w++ )
    | (?P<string> '(?:[^'\\]++|\\.|'')*+' )
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
