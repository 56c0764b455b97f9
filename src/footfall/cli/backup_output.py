"""What `footfall backup` and `footfall restore` print: a summary, a progress bar, and errors in plain words."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click
from msgspec import Struct
from obstore.exceptions import BaseError

from footfall.backup import (
    BackupDamaged,
    BackupManifest,
    BackupProgress,
    BackupRefused,
    LocationFailed,
    PartKind,
    SilentProgress,
)
from footfall.cli.failures import tell_os_error, tell_store_error
from footfall.cli.output import moment
from footfall.state import StateTooNew, StateUnavailable, StateUrlInvalid
from footfall.store import StoreFailed, StoreRefused, StoreTimeout, StoreUnavailable
from footfall.system.process import CannotServe

_EXPECTED = (
    BackupRefused,
    CannotServe,
    LocationFailed,
    StateTooNew,
    StateUnavailable,
    StateUrlInvalid,
    StoreRefused,
    BaseError,
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
def plain_errors() -> Iterator[None]:
    """Turn expected errors into a line on standard error and exit code 1; make files for their owner alone."""
    before = os.umask(0o077)
    try:
        yield
    except BackupDamaged as error:
        raise click.ClickException("the backup is damaged:\n  " + "\n  ".join(error.problems)) from error
    except (StoreUnavailable, StoreFailed, StoreTimeout) as error:
        raise click.ClickException(tell_store_error(error)) from error
    except OSError as error:
        raise click.ClickException(tell_os_error(error)) from error
    except _EXPECTED as error:
        lines = str(error).splitlines() if isinstance(error, BaseError) else [str(error)]
        raise click.ClickException(lines[0] if lines else type(error).__name__) from error
    finally:
        os.umask(before)


class Bar:
    """Shows progress on a terminal, one bar for each part of the work."""

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
    """A progress bar if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield SilentProgress()
        return
    with contextlib.closing(Bar()) as bar:
        yield bar
