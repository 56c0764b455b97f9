"""What every part of footfall says in the same way: counts with their nouns, times, and texts of strangers."""

import datetime as dt
import re
from typing import Final

# What stands before a bracket or a line end of TOML, and may hold some: strings and comments.
_TOML: Final = re.compile(
    r'"{3}(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}|\'{3}(?:[^\']|\'{1,2}(?!\'))*\'{3,5}'
    r'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|\#[^\n]*|[\[\]{}\n]',
    re.DOTALL,
)

# Nouns whose plural has more than an `s` behind it.
_PLURALS: Final = {"try": "tries", "entry": "entries", "copy": "copies", "process": "processes"}


def count_of(count: int, noun: str) -> str:
    """A count with its noun, whose last word takes the plural: `1 event`, `2,000 older events`."""
    if count == 1:
        return f"1 {noun}"
    before, space, word = noun.rpartition(" ")
    return f"{count:,} {before}{space}{_PLURALS.get(word, f'{word}s')}"


def are(count: int) -> str:
    """The verb behind a count: `is` or `are`."""
    return "is" if count == 1 else "are"


def moment(time_ms: int, timezone: dt.tzinfo = dt.UTC) -> str:
    """A time to the second, by the clock of a zone: `2026-11-23 18:30:00Z`, `2026-11-23 19:30:00+01:00`."""
    try:
        found = dt.datetime.fromtimestamp(time_ms // 1000, timezone)
    except (ValueError, OverflowError, OSError):
        return str(time_ms)
    return found.isoformat(" ").replace("+00:00", "Z")


def unclosed_line(toml: str, line: int | None) -> int | None:
    """The line of a TOML text before `line`, where a parser stopped, on which the last bracket is that nothing closes.

    A parser stops where it meets what cannot be in an array, which may be far behind the array that was not closed.
    """
    opened: list[int] = []
    now = 1
    for found in _TOML.finditer(toml):
        mark = found[0]
        if mark in "[{":
            opened.append(now)
        elif mark in "]}":
            del opened[-1:]
        now += mark.count("\n")
    before = [opening for opening in opened if line is None or opening < line]
    return before[-1] if before else None


def plain(text: str) -> str:
    """Escape, as JSON does, the characters that control a terminal: senders choose the names of events."""
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(char: str) -> str:
    if char.isprintable():
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
