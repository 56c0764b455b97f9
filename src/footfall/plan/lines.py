"""On which line of a TOML text each key, table and list item stands; the standard parser keeps the values only.

The scanner leaves it to the parser to say whether a text is TOML, and so needs little grammar of its own: strings and
comments are told from punctuation, and brackets are followed. Of a text that is no TOML it gives what stands before the
first thing that it cannot read.
"""

import re
import tomllib
from collections.abc import Iterator

from msgspec import Struct

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
    (?P<blank>   [ \t]+ | \#[^\n]* )
  | (?P<newline> \n )
  | (?P<string>  \"{3} (?: [^"\\] | \\. | "{1,2}(?!") )* \"{3,5}
               | '{3}  (?: [^']   | '{1,2}(?!') )*       '{3,5}
               | "     (?: [^"\\\n] | \\. )*             "
               | '     [^'\n]*                           ' )
  | (?P<bare>    [^\s\[\]{}=,."'\#]+ )
  | (?P<mark>    [\[\]{}=,.] )
    """,
    re.VERBOSE | re.DOTALL,
)


class Repeat(Struct, frozen=True):
    """A key or table that is given again in `line`, after the line `first`, which TOML forbids."""

    path: Path
    line: int
    first: int


class LineIndex:
    """The places of one text; lines count from 1."""

    def __init__(self, text: str) -> None:
        self.repeats: list[Repeat] = []
        self._found: dict[Path, int] = {}
        self._given: dict[Path, int] = {}
        self._tables_in: dict[Path, int] = {}
        self._tokens = _split(text)
        self._kind, self._text, self._line = "end", "", 1
        self._advance()
        try:
            self._scan()
        except ValueError:
            # The text is no TOML from here on: the parser has its own words for that.
            return

    def at(self, path: Path) -> int:
        """The line of `path`, or of the nearest thing around it, or 1."""
        while path and path not in self._found:
            path = path[:-1]
        return self._found.get(path, 1)

    def _scan(self) -> None:
        table: Path = ()
        self._skip_newlines()
        while self._kind != "end":
            table = self._header() if self._text == "[" else self._pair(table)
            self._skip_newlines()

    def _header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path of the table that it opens."""
        line = self._line
        self._take("[")
        many = self._text == "["
        if many:
            self._take("[")
        *around, last = self._key()
        self._take("]")
        path = (*self._resolve(around), last)
        if many:
            self._take("]")
            self._found.setdefault(path, line)
            self._tables_in[path] = self._tables_in.get(path, 0) + 1
            path = (*path, self._tables_in[path] - 1)
        self._give(path, line)
        return path

    def _resolve(self, names: list[str]) -> Path:
        """The path that names in a header mean: of a list of tables, the last one."""
        path: Path = ()
        for name in names:
            path = (*path, name)
            if path in self._tables_in:
                path = (*path, self._tables_in[path] - 1)
        return path

    def _pair(self, table: Path) -> Path:
        """`a.b = value`; gives back the table, which stays open."""
        line = self._line
        path = (*table, *self._key())
        self._take("=")
        self._give(path, line)
        self._value(path)
        return table

    def _value(self, path: Path) -> None:
        match self._text:
            case "[":
                self._list(path)
            case "{":
                self._inline_table(path)
            case _:
                while self._kind in {"string", "bare"} or self._text == ".":
                    self._advance()

    def _list(self, path: Path) -> None:
        self._take("[")
        self._skip_newlines()
        index = 0
        while self._text != "]":
            self._found.setdefault((*path, index), self._line)
            self._value((*path, index))
            self._separate("]")
            index += 1
        self._take("]")

    def _inline_table(self, path: Path) -> None:
        self._take("{")
        self._skip_newlines()
        while self._text != "}":
            self._pair(path)
            self._separate("}")
        self._take("}")

    def _separate(self, end: str) -> None:
        self._skip_newlines()
        if self._text != end:
            self._take(",")
            self._skip_newlines()

    def _key(self) -> list[str]:
        names = [self._name()]
        while self._text == ".":
            self._take(".")
            names.append(self._name())
        return names

    def _name(self) -> str:
        name = self._text
        if self._kind == "string":
            # The parser knows the escapes: it reads a line made of this key alone.
            (name,) = tomllib.loads(f"{name} = 0")
        elif self._kind != "bare":
            raise ValueError(f"a key cannot start with {name!r}")
        self._advance()
        return name

    def _give(self, path: Path, line: int) -> None:
        if path in self._given:
            self.repeats.append(Repeat(path, line, self._given[path]))
        self._given.setdefault(path, line)
        for end in range(1, len(path) + 1):
            self._found.setdefault(path[:end], line)

    def _take(self, mark: str) -> None:
        if self._text != mark:
            raise ValueError(f"{mark!r} is missing")
        self._advance()

    def _skip_newlines(self) -> None:
        while self._kind == "newline":
            self._advance()

    def _advance(self) -> None:
        self._kind, self._text, self._line = next(self._tokens, ("end", "", self._line))


def _split(text: str) -> Iterator[tuple[str, str, int]]:
    """The tokens that matter: kind, text and line each."""
    line, end = 1, 0
    for token in _TOKEN.finditer(text):
        if token.start() != end:
            return
        end = token.end()
        kind = str(token.lastgroup)
        if kind != "blank":
            yield kind, token.group(), line
        line += token.group().count("\n")
