"""Regular expressions of a plan: compiled once for each pattern, with what they cost.

RE2 walks through a value once, and at the worst through its whole program for each byte. A step is one instruction of
the program for one byte of a value: 3 ns at the worst that plans come to by mistake (`.*-.{1,200}`), 16 at the worst
that was found. Most expressions take hundreds of times less, because RE2 remembers where it was.
"""

from functools import lru_cache

import re2

# Expressions that are kept compiled: each takes up to 16 MiB, and most some KiB.
_KEPT = 128
# Values so long are left to the expression alone: a set does not give up remembering where it is of no use.
_SET_CHARS_MAX = 256


class Expression:
    """One pattern. `size` counts the instructions of its program."""

    def __init__(self, pattern: str) -> None:
        options = re2.Options()
        # RE2 writes to standard error by itself otherwise.
        options.log_errors = False
        # What a group matched is of no interest, and takes RE2 a slower way.
        options.never_capture = True
        self._whole = re2.compile(pattern, options)
        self._set = re2.Set.FullMatchSet(options)
        self._set.Add(pattern)
        self._set.Compile()
        self.size: int = self._whole.programsize

    def matches(self, value: str) -> object:
        """Something true when the whole value matches.

        A set of one pattern answers in 3 us where its expression takes 17, but may give up for want of memory: then,
        and for a value that does not match, the expression decides.
        """
        return (len(value) <= _SET_CHARS_MAX and self._set.Match(value)) or self._whole.fullmatch(value)


@lru_cache(maxsize=_KEPT)
def expression(pattern: str) -> Expression:
    """The expression of a pattern. Raises ValueError, which says what is wrong with it."""
    try:
        return Expression(pattern)
    except re2.error as error:
        [found] = error.args or ("",)
        why = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
    # RE2 has two words for this, one of the expression and one of its set.
    if "too large" in why or "compile Set" in why:
        raise ValueError("is too large a regular expression: count less, or use smaller classes of characters")
    raise ValueError(f"is no regular expression: {why}")
