"""Regular expressions of a plan: compiled once for each pattern, with their cost, and a budget for a body.

RE2 reads a value once, and at worst runs its whole program for each byte. A step is one instruction of the program for
one byte of a value: 3 ns at the worst of likely plans (`.*-.{1,200}`), 16 ns at the worst that was found. Most
expressions take hundreds of times fewer steps, because RE2 remembers its states.
"""

import time
from collections.abc import Callable
from functools import lru_cache

import re2

# Expressions that are kept compiled: each takes up to 16 MiB, and most some KiB.
_KEPT = 128
# Longer values are matched by the expression alone: a set would only fill its memory with states.
_SET_CHARS_MAX = 256


class Expression:
    """One pattern. `size` counts the instructions of its program."""

    def __init__(self, pattern: str) -> None:
        options = re2.Options()
        # Else RE2 writes to standard error by itself.
        options.log_errors = False
        # Captures of groups are not needed, and RE2 is slower with them.
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
def compile_expression(pattern: str) -> Expression:
    """Compile a pattern. Raises ValueError, which says what is wrong with it."""
    try:
        return Expression(pattern)
    except re2.error as error:
        [found] = error.args or ("",)
        why = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
    # RE2 has two words for this, one of the expression and one of its set.
    if "too large" in why or "compile Set" in why:
        raise ValueError("is too large a regular expression: count less, or use smaller classes of characters")
    raise ValueError(f"is no regular expression: {why}")


# Steps between two readings of the clock: some 10 ms at the worst of likely plans.
CLOCK_STEPS = 4_000_000
# Seconds of a core for a body whose client has left: a beacon's is done long before, and nobody waits for another.
LEFT_CPU_S = 0.1


class RegexBudgetSpent(Exception):
    """The expressions of a body took as much time of a core as they may."""


class ClientLeft(Exception):
    """The client of a body whose check takes long has left."""


class RegexBudget:
    """The time of a core that one thread may spend on the expressions of one body: `cpu_s_max` seconds.

    Steps are counted, and the clock is read once in CLOCK_STEPS of them. The time begins with the first reading.
    """

    def __init__(self, cpu_s_max: float, clock: Callable[[], float] = time.thread_time) -> None:
        self._cpu_s_max = cpu_s_max
        self._clock = clock
        self._begun_s: float | None = None
        self._steps = 0
        self._is_wanted = True

    def client_left(self) -> None:
        """Cut the budget to LEFT_CPU_S, because nobody waits for the answer. May be called on another thread."""
        self._is_wanted = False

    def spend(self, steps: int) -> None:
        """Count the steps that come next. Raises RegexBudgetSpent or ClientLeft when the budget is spent."""
        self._steps += steps
        if self._steps >= CLOCK_STEPS:
            self._steps = 0
            self._check_time()

    def _check_time(self) -> None:
        now_s = self._clock()
        if self._begun_s is None:
            self._begun_s = now_s
        spent_s = now_s - self._begun_s
        if spent_s >= self._cpu_s_max:
            raise RegexBudgetSpent
        if not self._is_wanted and spent_s >= LEFT_CPU_S:
            raise ClientLeft
