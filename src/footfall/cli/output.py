"""How commands read times and numbers, print JSON safely, and show progress."""

import datetime as dt
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
import msgspec

from footfall import windows
from footfall.system.clock import SystemClock
from footfall.wording import plain

# Lines of the whole work where standard error is no terminal: enough for a log, at most one for each tenth.
LINES_MAX: Final = 10
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_AGO = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)
# Ten digits are seconds in most programs: a number of milliseconds since 1970 has more in any time that matters here.
_MILLISECONDS = re.compile(r"\d{11,15}", re.ASCII)


# The key of the context's meta under which a command keeps the zone of its dates while its options are read.
_ZONE = "footfall.timezone"


def keep_zone(context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    """Keep the zone in which the command's other options are read; its option must be eager, to be read before them.

    A name that is no zone counts as UTC here; the caller that uses the name refuses it.
    """
    context.meta[_ZONE] = windows.zone(name or "UTC") or dt.UTC
    return name


def _read_zone(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    if windows.zone(name or "UTC") is None:
        raise click.BadParameter(f"{name!r} is no time zone: say UTC, or one such as Europe/Berlin")
    return keep_zone(context, option, name)


zone_option = click.option(
    "--timezone",
    metavar="ZONE",
    is_eager=True,
    expose_value=False,
    callback=_read_zone,
    help="In which dates are meant, such as Europe/Berlin; UTC when not said.",
)


short_zone_option = click.option(
    "--zone",
    "--timezone",
    "zone",
    metavar="ZONE",
    is_eager=True,
    callback=_read_zone,
    help="In which dates are meant, such as Europe/Berlin; UTC when not said.",
)


def chosen_zone() -> dt.tzinfo:
    """The zone that this call of a command with a zone's option has named."""
    zone: dt.tzinfo = click.get_current_context().meta.get(_ZONE, dt.UTC)
    return zone


class WholeNumber(click.IntRange):
    """A whole number from 1, up to `most` where there is a bound; what is none is told with both."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__(1, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; ends the command when it is none."""
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1 or (self.max is not None and number > self.max):
            bound = "on" if self.max is None else f"to {self.max:.0f}"
            self.fail(f"{value!r} is no whole number from 1 {bound}", param, ctx)
        return number


def read_time(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Read an option's time, in ms since the epoch; the command has a `--timezone`.

    The text is an age (30d, 12h, 15m, 2w), or a time as requests may have it. As there, a date is the first millisecond
    of its day, and the last one where the option is `--until`.
    """
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return SystemClock().now_ms() - int(ago[1]) * _UNITS_MS[ago[2]]
    time_ms = windows.parse_instant(text, context.meta[_ZONE], is_last=option.name == "until")
    # Few digits are seconds, or a date without its hyphens.
    if time_ms is None or (text.isdecimal() and not _MILLISECONDS.fullmatch(text)):
        hint = "say 30d, 12h, 2026-11-23, 2026-11-23T18:30 or milliseconds"
        raise click.BadParameter(f"{text!r} is no time: {hint}")
    return time_ms


def echo_json(found: object) -> None:
    """Print a value as indented JSON, safe for a terminal."""
    for line in msgspec.json.format(msgspec.json.encode(found)).decode().split("\n"):
        click.echo(plain(line))


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
