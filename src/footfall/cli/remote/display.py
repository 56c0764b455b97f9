"""What a command shows while it works: one line that changes on a terminal, a line now and then in a pipe."""

import os
import shutil
import sys
import time
from typing import Final, Self

import click

from footfall.wording import plain

# Seconds between two looks of the line, and between two lines where nobody looks.
_TERMINAL_S: Final = 0.1
_PIPE_S: Final = 10.0
_BAR: Final = 20


def is_live() -> bool:
    """Whether standard error is a terminal that can write over a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class LiveLine:
    """A line on standard error, as wide as the terminal at most; nothing where it is `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = is_live()
        self._period_s = _TERMINAL_S if self._live else _PIPE_S
        self._due = time.monotonic() + (0 if self._live else _PIPE_S)
        self._is_shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    @property
    def is_due(self) -> bool:
        """Whether it is time to show something: what makes the text may ask before it takes the trouble."""
        return not self._quiet and time.monotonic() >= self._due

    def show(self, text: str) -> None:
        """Show the text in place of the one before, if it is time."""
        if not self.is_due:
            return
        self._due = time.monotonic() + self._period_s
        text = plain(text)
        if not self._live:
            click.echo(text, err=True)
            return
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{text[:width]}", nl=False, err=True, color=True)
        self._is_shown = True

    def say(self, text: str) -> None:
        """Print a line that stays; the changing one goes on below it."""
        if self._quiet:
            return
        self.clear()
        click.echo(plain(text), err=True)

    def clear(self) -> None:
        """Take the changing line away."""
        if self._is_shown:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)
            self._is_shown = False


def bar(part: float) -> str:
    """A part from 0 to 1 as a bar with its percentage."""
    part = min(max(part, 0.0), 1.0)
    full = int(part * _BAR)
    return f"[{'#' * full}{'-' * (_BAR - full)}] {part:4.0%}"


def size(count: float) -> str:
    """A number of bytes for people: `1.4 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return ""
