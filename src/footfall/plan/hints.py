"""Did you mean ...: the known name that a wrong one is a slip away from, found in microseconds.

Wrong names come from anyone and by the thousand, so the work for one must not grow with the plan, as it does when names
are compared one by one. Two names within one letter of each other have a form in common when each is taken as it is and
with any one letter cut out: all such forms of the known names are made beforehand.
"""

from collections.abc import Iterable, Iterator

# In a name this short, another letter makes another name and not a slip.
_SHORT_CHARS = 2


class Hints:
    """Names that can be looked up by a slip of the pen: a letter too many, too few, wrong or swapped; case; _ for -."""

    def __init__(self, names: Iterable[str]) -> None:
        self._forms: dict[str, str] = {}
        self._chars_max = 0
        for name in names:
            self._chars_max = max(self._chars_max, len(name))
            for form in _forms(name):
                self._forms.setdefault(form, name)

    def near(self, name: str) -> str | None:
        """A known name that `name` was likely meant to be."""
        if len(name) > self._chars_max + 1:
            return None
        known = self._forms
        for form in _forms(name):
            if form in known:
                return known[form]
        return None


def _forms(name: str) -> Iterator[str]:
    plain = name.casefold().replace("_", "-")
    yield plain
    if len(plain) > _SHORT_CHARS:
        for index in range(len(plain)):
            yield plain[:index] + plain[index + 1 :]
