"""Progress of a command's long work on standard error: a bar on a terminal, else a few lines."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

# Lines of the whole work where standard error is no terminal: enough for a log, at most one for each tenth.
LINES_MAX: Final = 10


@contextmanager
def show_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A function that is called with what is done and the total; nothing is said of work that ends in one step."""
    if not sys.stderr.isatty():
        yield _Lines(label).show
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield show


class _Lines:
    """Says how far the work is each time that another tenth of it is done."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._said = 0

    def show(self, done: int, total: int) -> None:
        part = done * LINES_MAX // max(total, 1)
        if self._said < part < LINES_MAX:
            self._said = part
            click.echo(f"{self._label}: {done:,} of {total:,}", err=True)
