"""`footfall backup` copies everything while the service runs; `footfall restore` brings it back on an empty machine."""

import click
import msgspec

from footfall.backup import BackupDamaged, BackupLocation, back_up, check_backup, prepare_restore, require_data
from footfall.backup import restore as bring_back
from footfall.cli.backup_output import describe, plain_errors, progress, readable, summarize
from footfall.cli.context import Needs, data_command, data_options, require_data_folder
from footfall.service.composition import open_backup, open_clock
from footfall.settings import Settings


@click.command()
@click.argument("where", metavar="PLACE")
@click.option("--verify", is_flag=True, help="Check the backup that lies at PLACE; nothing is written.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@data_options
@click.pass_obj
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
    location = BackupLocation(where, make=True, outside_of=settings.data)
    with progress() as shown, open_backup(settings, shown) as dependencies, open_clock(settings) as clock:
        dependencies.state.migrate()
        saved = back_up(location, dependencies, clock)
    summary = summarize(saved.manifest)
    if as_json:
        told = {"place": where, **msgspec.to_builtins(summary), "written": saved.written_bytes}
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        click.echo(f"backed up to {where}")
        for line in describe(summary):
            click.echo(line)
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
        click.echo(line)


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
      footfall restore s3://backups/footfall/2026-10-18 --data-dir /var/lib/footfall
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
            click.echo(line)
    if plan_differs:
        click.echo(
            f"the tracking plan in force is {dependencies.plan or 'broken'}, the backup was made with "
            f"{claimed.manifest.plan}: reports may have other columns",
            err=True,
        )
