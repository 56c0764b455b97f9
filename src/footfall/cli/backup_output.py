"""What `footfall backup` and `footfall restore` share: the rooms that they open, an engine, a bar, and their words."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from msgspec import Struct
from obstore.exceptions import BaseError

from footfall import plan
from footfall.backup import (
    BackupDamaged,
    BackupDependencies,
    BackupManifest,
    BackupProgress,
    BackupRefused,
    PartKind,
    PlaceFailed,
    Silent,
)
from footfall.cli.output import moment
from footfall.files import Files
from footfall.service.supervisor import as_environment
from footfall.settings import Settings
from footfall.state import StateTooNew, StateUnavailable, StateUrlInvalid, open_state
from footfall.store import Store, StoreFailed, StoreRefused, StoreTimeout, StoreUnavailable
from footfall.system.process import PARENT_FD, CannotServe
from footfall.system.waiting import wait_until

# Seconds in which an engine must answer after its start; it opens its tables before.
_ENGINE_START_S = 120
_LOOK_S = 0.05

_EXPECTED = (
    BackupRefused,
    CannotServe,
    PlaceFailed,
    StateTooNew,
    StateUnavailable,
    StateUrlInvalid,
    StoreFailed,
    StoreRefused,
    StoreTimeout,
    StoreUnavailable,
    BaseError,
    OSError,
)


class Summary(Struct, frozen=True, kw_only=True):
    """A backup in numbers; sizes are in bytes, times in ms since the epoch."""

    watermark_ms: int
    ended_ms: int
    footfall: str
    events: int
    first_day: str | None
    last_day: str | None
    quarantined: int
    journal_segments: int
    rows: dict[str, int]
    files: int
    left_out: tuple[str, ...]
    parts: int
    size: int


def summarize(manifest: BackupManifest) -> Summary:
    """What a backup holds."""
    rows: dict[str, int] = {}
    for part in manifest.of(PartKind.STATE):
        rows[part.name] = rows.get(part.name, 0) + part.rows
    days = sorted(manifest.days)
    return Summary(
        watermark_ms=manifest.watermark_ms,
        ended_ms=manifest.ended_ms,
        footfall=manifest.footfall,
        events=sum(manifest.days.values()),
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
        quarantined=manifest.quarantined,
        journal_segments=len(manifest.journal),
        rows=rows,
        files=len(manifest.of(PartKind.FILE)),
        left_out=manifest.left_out,
        parts=len(manifest.sizes),
        size=sum(manifest.sizes.values()),
    )


def describe(summary: Summary) -> Iterator[str]:
    """The same in lines for people."""
    days = f", {summary.first_day} to {summary.last_day}" if summary.first_day else ""
    yield f"  as of     {moment(summary.watermark_ms)}"
    yield f"  events    {summary.events:,}{days}"
    if summary.quarantined:
        yield f"  held      {summary.quarantined:,} rows of the quarantine"
    if summary.journal_segments:
        yield f"  journal   {_some(summary.journal_segments, 'segment')} not in the store yet"
    yield f"  state     {', '.join(_some(count, table.removesuffix('s')) for table, count in summary.rows.items())}"
    yield f"  reports   {_some(summary.files, 'file')}"
    yield f"  size      {readable(summary.size)} in {_some(summary.parts, 'part')}"


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def readable(size: int) -> str:
    """A number of bytes for people."""
    amount, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):  # noqa: B007 - the last unit is what is said
        if amount < 1024:
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """What may well happen becomes a line on standard error and exit code 1; files that are made are their owner's."""
    before = os.umask(0o077)
    try:
        yield
    except BackupDamaged as error:
        raise click.ClickException("the backup is damaged:\n  " + "\n  ".join(error.problems)) from error
    except _EXPECTED as error:
        lines = str(error).splitlines() if isinstance(error, BaseError) else [str(error)]
        raise click.ClickException(lines[0] if lines else type(error).__name__) from error
    finally:
        os.umask(before)


class Bar:
    """Shows progress on a terminal, one bar for each stretch of work."""

    def __init__(self) -> None:
        self._bar: Any = None

    def begin(self, what: str, total: int) -> None:
        self.close()
        if total:
            self._bar = click.progressbar(length=total, label=f"{what:<13}", file=sys.stderr)
            self._bar.render_progress()

    def step(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(done)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


@contextlib.contextmanager
def progress() -> Iterator[BackupProgress]:
    """A bar where somebody looks at standard error."""
    if not sys.stderr.isatty():
        yield Silent()
        return
    with contextlib.closing(Bar()) as bar:
        yield bar


@contextlib.contextmanager
def means(settings: Settings, progress: BackupProgress) -> Iterator[BackupDependencies]:
    """The state, the store and the files that the settings name; the data folder is there."""
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(contextlib.closing(open_state(settings)))
        store = stack.enter_context(contextlib.closing(Store(settings)))
        stack.enter_context(engine(settings, store))
        yield BackupDependencies(
            settings=settings,
            state=state,
            store=store,
            files=Files(settings),
            plan=_fingerprint(settings),
            progress=progress,
        )


@contextlib.contextmanager
def engine(settings: Settings, store: Store) -> Iterator[None]:
    """The embedded engine for as long as the block runs, where it is wanted and none is running."""
    if settings.events_url != "embedded" or store.ping():
        yield
        return
    ours, theirs = os.pipe()
    quiet = {"FOOTFALL_LOG_LEVEL": "error", PARENT_FD: str(ours)}
    command = [sys.executable, "-m", "footfall", "engine"]
    environment = {**os.environ, **as_environment(settings), **quiet}
    # It ends with this process, however that ends: it watches the pipe.
    process = subprocess.Popen(command, env=environment, pass_fds=(ours,))  # noqa: S603 - our own program
    try:
        _wait_for(process, store)
        yield
    finally:
        process.terminate()
        try:
            process.wait(settings.stop_timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(ours)
        os.close(theirs)


def _wait_for(process: "subprocess.Popen[bytes]", store: Store) -> None:
    wait_until(lambda: store.ping() or process.poll() is not None, _ENGINE_START_S, _LOOK_S)
    if not store.ping():
        raise StoreUnavailable("the events engine does not start; see the lines before this one")


def _fingerprint(settings: Settings) -> str:
    """Which tracking plan is in force; empty when it is broken, which is no reason to go without a backup."""
    try:
        return plan.load(Path(settings.plan) if settings.plan else None).fingerprint
    except (plan.PlanInvalid, OSError):
        return ""
