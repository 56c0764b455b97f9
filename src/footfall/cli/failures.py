"""What commands say of an expected failure: one line that names what failed, and what to do about it.

The libraries below tell such failures in their own words: a chain of their classes, an errno, an address with a query.
"""

import re
import shlex
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from footfall.settings import Settings
from footfall.system.data_folder import is_served

# Characters of a line of ClickHouse, whose messages quote whole statements.
_CAUSE_CHARS = 300
# What an error of ClickHouse begins with, before its own words.
_BEFORE_WORDS = re.compile(r"^.*?DB::Exception: ", re.DOTALL)


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
    start = f"footfall --data-dir {shlex.quote(str(settings.data))} serve"
    return f"footfall does not run on {folder}: start it with `{start}`, or name another with --data-dir"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it came from."""
    while error is not None:
        yield error
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__


def _words(error: Exception) -> str:
    lines = _BEFORE_WORDS.sub("", str(error)).splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= _CAUSE_CHARS else f"{lines[0][:_CAUSE_CHARS]}..."
