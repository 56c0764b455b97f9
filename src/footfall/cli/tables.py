"""How commands print tables and long lines: whole for a program that reads them, and fitted to a terminal."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import click

from footfall.wording import plain

Row = tuple[object, ...]
_GAP: Final = "  "
_NOTHING: Final = "-"
# The least characters of a column whose words are wrapped: fewer are hard to read.
_WRAPPED_MIN: Final = 20


def terminal_width() -> int | None:
    """The columns of the terminal that standard output is; None where it is a file or a pipe, which takes any line."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def echo_table(head: tuple[str, ...], rows: Iterable[Row], if_none: str) -> None:
    """Print a table with its head; only the line `if_none` when there are no rows."""
    body = list(rows)
    if not body:
        click.echo(if_none)
        return
    for line in table([head, *body], has_head=True):
        click.echo(line)


def echo_text(line: str, indent: int = 0) -> None:
    """Print a line, wrapped where a terminal is narrower; what follows stands `indent` characters to the right."""
    width = terminal_width()
    for one in [line] if width is None else _wrap(line, width, indent):
        click.echo(one)


def table(rows: Sequence[Row], *, has_head: bool = False) -> Iterator[str]:
    """The rows as lines with their columns below each other, numbers to the right; an empty cell is a dash.

    On a terminal that is too narrow, columns without anything are left out and the longest text is wrapped. Where that
    is not enough, and the first row is the head, each row is a block of lines: the name of a column, and its cell.
    """
    width = terminal_width()
    texts = [[plain(str(cell)) or _NOTHING for cell in row] for row in rows]
    is_number = [[isinstance(cell, int) for cell in row] for row in rows]
    if width is None or _needed(texts) <= width:
        return _lines(texts, is_number)
    if has_head:
        shown = [at for at in range(len(texts[0])) if any(row[at] != _NOTHING for row in texts[1:])]
        texts = [[row[at] for at in shown] for row in texts]
        is_number = [[row[at] for at in shown] for row in is_number]
    if _needed(texts) <= width:
        return _lines(texts, is_number)
    wrapped = _wrap_longest(texts, width)
    if wrapped is not None:
        return _lines(wrapped, is_number)
    return _blocks(texts, width) if has_head else _lines(texts, is_number)


def _widths(texts: list[list[str]]) -> list[int]:
    return [max(len(line) for cell in column for line in cell.split("\n")) for column in zip(*texts, strict=True)]


def _needed(texts: list[list[str]]) -> int:
    widths = _widths(texts)
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _lines(texts: list[list[str]], is_number: list[list[bool]]) -> Iterator[str]:
    widths = _widths(texts)
    for row, numbers in zip(texts, is_number, strict=True):
        cells = [cell.split("\n") for cell in row]
        for at in range(max(map(len, cells))):
            parts = (lines[at] if at < len(lines) else "" for lines in cells)
            aligned = (
                f"{part:>{width}}" if number else f"{part:<{width}}"
                for part, width, number in zip(parts, widths, numbers, strict=True)
            )
            yield _GAP.join(aligned).rstrip()


def _wrap_longest(texts: list[list[str]], width: int) -> list[list[str]] | None:
    """The rows with the words of their widest column wrapped, so that they fit; None where that makes it too narrow."""
    widths = _widths(texts)
    widest = widths.index(max(widths))
    room = widths[widest] - (_needed(texts) - width)
    longest = max(len(word) for row in texts for word in row[widest].split())
    if room < max(_WRAPPED_MIN, longest):
        return None
    return [
        ["\n".join(textwrap.wrap(cell, room)) if at == widest else cell for at, cell in enumerate(row)] for row in texts
    ]


def _blocks(texts: list[list[str]], width: int) -> Iterator[str]:
    head, *body = texts
    indent = max(map(len, head)) + len(_GAP)
    for number, row in enumerate(body):
        if number:
            yield ""
        for name, cell in zip(head, row, strict=True):
            if cell != _NOTHING:
                yield from _wrap(f"{name:<{indent}}{cell}", width, indent)


def _wrap(line: str, width: int, indent: int) -> list[str]:
    lead = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line,
        width,
        initial_indent="",
        subsequent_indent=" " * max(indent, len(lead)),
        drop_whitespace=True,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
