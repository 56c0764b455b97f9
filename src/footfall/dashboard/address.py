"""The state of a page, as its address has it: the query, which can be changed in one place and stays a link."""

from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode

# Parameters that a page reads: a link has a few dozen, an attacker's would have any number.
PARAMETERS_MAX = 1_000


class PageAddress:
    """A path and the parameters behind it, in order; empty ones are left out. It never changes: a change is another."""

    def __init__(self, path: str, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.path = path
        self.pairs = tuple(pair for pair in pairs if pair[1])

    @classmethod
    def of(cls, path: str, query: str) -> "PageAddress":
        """The address of a request; of a query with too many parameters, none."""
        try:
            return cls(path, parse_qsl(query, max_num_fields=PARAMETERS_MAX))
        except ValueError:
            return cls(path)

    def __str__(self) -> str:
        return f"{self.path}?{urlencode(self.pairs)}" if self.pairs else self.path

    def one(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        return next((value for key, value in self.pairs if key == name), default)

    def all(self, name: str) -> list[str]:
        """All values of a parameter, each once."""
        return list(dict.fromkeys(value for key, value in self.pairs if key == name))

    def given(self, names: Iterable[str]) -> dict[str, list[str]]:
        """The values of those of the parameters that are there."""
        return {name: found for name in names if (found := self.all(name))}

    def with_values(self, **values: str | Iterable[str]) -> "PageAddress":
        """The address with other values of some parameters; an empty one removes its parameter."""
        kept = [pair for pair in self.pairs if pair[0] not in values]
        more = [
            (name, each) for name, given in values.items() for each in ([given] if isinstance(given, str) else given)
        ]
        return PageAddress(self.path, [*kept, *more])

    def adding(self, name: str, value: str) -> "PageAddress":
        """The address with one more value of a parameter."""
        return self if value in self.all(name) else PageAddress(self.path, [*self.pairs, (name, value)])

    def removing(self, name: str, value: str | None = None) -> "PageAddress":
        """The address without a value of a parameter, or without any of its values."""
        return PageAddress(
            self.path, [pair for pair in self.pairs if pair[0] != name or (value is not None and pair[1] != value)]
        )

    def at(self, path: str) -> "PageAddress":
        """The same parameters on another page."""
        return PageAddress(path, self.pairs)
