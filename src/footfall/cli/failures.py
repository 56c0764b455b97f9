"""What commands say of an expected failure: one line that names what failed, and what to do about it.

Each line begins with `Error: `, and the exit code tells the kinds apart.

The libraries below tell such failures in their own words: a chain of their classes, an errno, an address with a query.
"""

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import click

from footfall.settings import Settings
from footfall.system.data_folder import is_served
from footfall.system.process import is_supervised

# Characters of a line of ClickHouse, whose messages quote whole statements.
_CAUSE_CHARS = 300
# What an error of ClickHouse begins with, before its own words.
_BEFORE_WORDS = re.compile(r"^.*?DB::Exception: ", re.DOTALL)


class Problems(click.ClickException):
    """Problems, one a line, each of which says where it is."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines on standard error."""
        for line in self.message.splitlines():
            click.echo(f"Error: {line}", err=file is None, file=file)


class SettingsProblems(Problems):
    """The same for settings, with an exit code of its own."""

    exit_code = 78  # EX_CONFIG of sysexits.h: service managers can be told not to start again after it


class LineMisread(click.UsageError):
    """A command line that cannot be read: what is wrong with it, and what would explain the command, on one line."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line on standard error."""
        text = " ".join(self.format_message().split())
        if self.ctx is not None and "Did you mean" not in text:
            text = f"{text.removesuffix('.')}. See: {self.ctx.command_path} --help"
        click.echo(f"Error: {text}", err=file is None, file=file)


class Interrupted(click.ClickException):
    """Ctrl-C has stopped the command before it was done."""

    exit_code = 130  # 128 and the number of the signal, as shells count

    def __init__(self) -> None:
        super().__init__("stopped by Ctrl-C")

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line on standard error, below the `^C` of a terminal."""
        if sys.stderr.isatty():
            click.echo(err=file is None, file=file)
        super().show(file)


@contextmanager
def told_on_one_line() -> Iterator[None]:
    """End the command with one line for what it could not read, what the system refused it, and Ctrl-C.

    A process of the service has a log, which takes what the system refused whole.
    """
    try:
        yield
    except (click.exceptions.NoArgsIsHelpError, LineMisread, BrokenPipeError):
        raise  # help is many lines; `| head` has seen enough, and click ends quietly
    except click.UsageError as error:
        raise LineMisread(error.format_message(), error.ctx) from error
    except KeyboardInterrupt as error:
        raise Interrupted from error
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise Interrupted from error
        raise click.ClickException("stopped; nothing was changed") from error
    except OSError as error:
        if is_supervised():
            raise
        raise click.ClickException(tell_os_error(error)) from error


def tell_os_error(error: OSError) -> str:
    """What the system refused, without its number: the file and the reason."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror


def tell_store_error(error: Exception, settings: Settings | None = None) -> str:
    """Why the events store did not do what a command asked for. The settings are the command's when not given."""
    settings = settings or click.get_current_context().obj
    refused = next((each for each in _causes(error) if isinstance(each, OSError) and each.strerror), None)
    if settings.events_url != "embedded":
        parts = urlsplit(settings.events_url)
        where = f"the events store at {parts.hostname}:{parts.port or 8123}"
        return f"{where} cannot be reached: {refused.strerror}" if refused else f"{where}: {_words(error)}"
    folder = settings.data.absolute()
    if refused is None and "DB::Exception" in str(error):
        return f"the events store refuses it: {_words(error)}"
    if is_served(settings):
        return f"the events store of the service on {folder} does not answer now; try again, and look at its log"
    return tell_not_served(settings)


def tell_not_served(settings: Settings) -> str:
    """That no service runs on the data folder, and how to start one."""
    start = f"{program_name()} --data-dir {shlex.quote(str(settings.data))} serve"
    return (
        f"footfall does not run on {settings.data.absolute()}: start it with `{start}`, or name another with --data-dir"
    )


def program_name() -> str:
    """How a person calls this program, to be pasted: by its path where the shell would not find its name."""
    path = Path(sys.argv[0])
    return "footfall" if path.name != "footfall" or shutil.which("footfall") else shlex.quote(str(path))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it came from."""
    while error is not None:
        yield error
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__


def _words(error: Exception) -> str:
    lines = _BEFORE_WORDS.sub("", str(error)).splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= _CAUSE_CHARS else f"{lines[0][:_CAUSE_CHARS]}..."
