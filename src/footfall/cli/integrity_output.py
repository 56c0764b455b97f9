"""What `footfall verify`, `rebuild` and `journal` print: progress, counts, and errors in plain words."""

import contextlib
import sys
from collections.abc import Iterator

import click

from footfall.cli.context import require_told
from footfall.cli.failures import tell_os_error, tell_store_error
from footfall.integrity import (
    Advance,
    Busy,
    CannotRebuild,
    CheckCount,
    DamagedRange,
    ErasedPersons,
    NoData,
    NoRoom,
    ProgressCallback,
    SegmentFolders,
    erased_persons,
    no_progress,
)
from footfall.service.composition import open_clock, open_state, open_store
from footfall.service.temporary_engine import temporary_engine
from footfall.settings import Settings
from footfall.state import StateTooNew, StateUnavailable, StateUrlInvalid
from footfall.store import Store, StoreFailed, StoreRefused, StoreTimeout, StoreUnavailable
from footfall.system.clock import NodeClock
from footfall.system.data_folder import is_half_restored, node_name
from footfall.wording import count_of

_EXPECTED = (Busy, CannotRebuild, NoData, NoRoom, StoreRefused)

# Seconds in which a service has started a fallen engine again, as a rule.
_RESTART_S = 2.0


class Undecided(click.ClickException):
    """The check could not be made, which a script must not take for a verdict."""

    exit_code = 3


@contextlib.contextmanager
def plain_errors(kind: type[click.ClickException] = click.ClickException) -> Iterator[None]:
    """Turn expected errors into a line on standard error and the exit code of this kind of exception."""
    try:
        yield
    except BrokenPipeError:
        raise  # `| head` has seen enough, and click ends quietly
    except (StoreUnavailable, StoreFailed, StoreTimeout) as error:
        raise kind(tell_store_error(error)) from error
    except OSError as error:
        raise kind(tell_os_error(error)) from error
    except _EXPECTED as error:
        raise kind(str(error)) from error


@contextlib.contextmanager
def open_node(settings: Settings, *, needs_store: bool = True) -> Iterator[tuple[Store, NodeClock]]:
    """The store and the clock of a node, which must be there. Raises NoData, and StoreUnavailable.

    Where the service does not run, the embedded engine is started for as long as the block runs.
    """
    SegmentFolders(settings)
    if needs_store:
        require_told("events_url")
    if is_half_restored(settings):
        raise NoData(f"a restore into {settings.data} has not finished: run it again first")
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(open_store(settings))
        clock = stack.enter_context(open_clock(settings))
        if needs_store:
            stack.enter_context(temporary_engine(settings, store, _RESTART_S))
        yield store, clock


def read_persons(settings: Settings) -> ErasedPersons:
    """Who was erased. Raises Undecided where the state does not tell."""
    require_told("state_url")
    try:
        with open_state(settings) as state:
            return erased_persons(state, node_name(settings))
    except (StateTooNew, StateUnavailable, StateUrlInvalid) as error:
        raise Undecided(f"it is not known who was erased: {error}") from error


def progress() -> ProgressCallback:
    """A progress bar if standard error is a terminal."""
    return _bar if sys.stderr.isatty() else no_progress


@contextlib.contextmanager
def _bar(label: str, length: int) -> Iterator[Advance]:
    if not (label and length):
        yield lambda _: None
        return
    with click.progressbar(length=length, label=f"{label:<21}", file=sys.stderr) as bar:
        yield bar.update


def counted(count: CheckCount) -> str:
    """Segments in words."""
    if not count.segments:
        return "nothing"
    words = (
        f"{count_of(count.segments, 'segment')}, {count_of(count.frames, 'frame')}, {count_of(count.events, 'event')}"
    )
    return f"{words}, {count_of(count.quarantined, 'line')} of quarantine" if count.quarantined else words


def harmed(harm: DamagedRange) -> str:
    """A damaged place in words."""
    return f"{harm.file}: {count_of(harm.size, 'byte')} at {harm.offset:,}: {harm.reason}"


def missed(name: str) -> str:
    """An archived file that is gone, in words."""
    return f"lost      {name}: it was archived, and is no longer there"
