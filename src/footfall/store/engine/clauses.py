"""Two parts of a statement that are told by the order of their tokens: its settings, and the head of an INSERT."""

from collections.abc import Callable

from footfall.store.engine.tokens import Token


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
