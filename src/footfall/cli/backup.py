"""`footfall backup` copies everything while the service runs; `footfall restore` brings it back on an empty machine."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec
from msgspec import Struct
from obstore.exceptions import BaseError

from footfall.backup import (
    BackupDamaged,
    BackupLocation,
    BackupManifest,
    BackupProgress,
    BackupRefused,
    LocationFailed,
    PartKind,
    SilentProgress,
    back_up,
    check_backup,
    prepare_restore,
    require_data,
)
from footfall.backup import restore as bring_back
from footfall.cli.context import Needs, data_command, require_data_folder, require_told, settings_command
from footfall.cli.failures import tell_os_error, tell_store_error
from footfall.cli.tables import echo_text
from footfall.service.composition import open_backup, open_clock
from footfall.settings import Settings
from footfall.state import StateTooNew, StateUnavailable, StateUrlInvalid
from footfall.store import StoreFailed, StoreRefused, StoreTimeout, StoreUnavailable
from footfall.system.data_folder import note_backup
from footfall.system.process import CannotServe
from footfall.wording import count_of, moment

# Where the words of a described backup begin.
_INDENT = 12
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


@click.command()
@click.argument("where", metavar="PLACE")
@click.option("--verify", is_flag=True, help="Check the backup that lies at PLACE; nothing is written.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@settings_command
def backup(settings: Settings, where: str, verify: bool, as_json: bool) -> None:
    """Copy everything to PLACE, a folder or a URL (file://, s3://, gs://, az://), while the service runs.

    Everything that was acknowledged before the command began is in the backup: events, those that wait in the journal,
    users, reports and their files. Run it on a node, as the service's user and with its settings. It may be stopped at
    any time and given again: what lies at PLACE is brought up to date, and only what is new is written.

    The backup holds the hashes of passwords and the key of download links. Keep it as you keep those.

    \b
    Examples:
      footfall backup /mnt/backup/footfall
      footfall backup s3://backups/footfall/$(date +%F)
      footfall backup --verify /mnt/backup/footfall
    """
    with plain_errors():
        if verify:
            _verify(where, as_json)
        else:
            _back_up(settings, where, as_json)


def _back_up(settings: Settings, where: str, as_json: bool) -> None:
    require_data_folder(settings)
    require_data(settings)
    require_told("state_url", "events_url", "files_url", "files_options")
    location = BackupLocation(where, make=True, outside_of=settings.data)
    with progress() as shown, open_backup(settings, shown) as dependencies, open_clock(settings) as clock:
        dependencies.state.migrate()
        saved = back_up(location, dependencies, clock)
    try:
        note_backup(settings, saved.manifest.watermark_ms)
    except OSError as error:
        click.echo(f"the backup is whole; its time cannot be noted for the metrics: {error.strerror}", err=True)
    summary = summarize(saved.manifest)
    if as_json:
        told = {"place": where, **msgspec.to_builtins(summary), "written": saved.written_bytes}
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        click.echo(f"backed up to {where}")
        for line in describe(summary):
            echo_text(line, _INDENT)
        click.echo(f"  written   {readable(saved.written_bytes)} that was not there before")
    for path in saved.manifest.left_out:
        click.echo(f"left out, because it is gone or damaged: the report's file {path}", err=True)


def _verify(where: str, as_json: bool) -> None:
    try:
        with progress() as shown:
            manifest = check_backup(BackupLocation(where), shown)
    except BackupDamaged as error:
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode({"place": where, "problems": error.problems})))
        raise
    summary = summarize(manifest)
    if as_json:
        told = {"place": where, **msgspec.to_builtins(summary), "problems": []}
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
        return
    click.echo(f"the backup in {where} is whole")
    for line in describe(summary):
        echo_text(line, _INDENT)


@click.command()
@click.argument("where", metavar="PLACE")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@data_command(Needs.NOTHING)
def restore(settings: Settings, where: str, as_json: bool) -> None:
    """Bring back the backup at PLACE, a folder or a URL (file://, s3://, gs://, az://), on an empty machine.

    The data folder, the state database and the events store must be empty. The whole backup is checked before anything
    is changed, and the events are counted day by day afterwards. Nothing else needs to run: the events engine is
    started for the time that it takes. When it breaks off, give the same command again: it goes on.

    The tracking plan and the settings are files of yours, and no part of a backup.

    \b
    Examples:
      footfall restore /mnt/backup/footfall && footfall serve
      footfall restore s3://backups/2026-10-18 --data-dir /var/lib/footfall
    """
    with plain_errors():
        location = BackupLocation(where)
        with (
            progress() as shown,
            prepare_restore(location, settings, shown) as claimed,
            open_backup(settings, shown) as dependencies,
        ):
            bring_back(location, claimed, dependencies)
    summary = summarize(claimed.manifest)
    plan_differs = claimed.manifest.plan not in ("", dependencies.plan)
    if as_json:
        told = {"place": where, **msgspec.to_builtins(summary), "plan_differs": plan_differs}
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        click.echo(f"restored to {settings.data.resolve()}; the store has as many events of each day as the backup")
        for line in describe(summary):
            echo_text(line, _INDENT)
    if plan_differs:
        click.echo(
            f"the tracking plan in force is {dependencies.plan or 'broken'}, the backup was made with "
            f"{claimed.manifest.plan}: reports may have other columns",
            err=True,
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
        yield f"  held      {count_of(summary.quarantined, 'quarantined row')}"
    if summary.journal_segments:
        yield f"  journal   {count_of(summary.journal_segments, 'segment')} not in the store yet"
    rows = ((table.removesuffix("s").replace("_", " "), count) for table, count in summary.rows.items())
    yield f"  state     {', '.join(count_of(count, noun) for noun, count in rows)}"
    yield f"  reports   {count_of(summary.files, 'file')}"
    yield f"  size      {readable(summary.size)} in {count_of(summary.parts, 'part')}"


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
