"""`footfall backup`: a copy of everything, taken while the service runs."""

from contextlib import closing

import click
import msgspec

from footfall.backup import BackupDamaged, Place, back_up, check, require_data
from footfall.cli.context import data_options, require_own
from footfall.cli.safekeeping import describe, explained, means, progress, readable, summarize
from footfall.clock import NodeClock
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
    with explained():
        if verify:
            _verify(where, as_json)
        else:
            _back_up(settings, where, as_json)


def _back_up(settings: Settings, where: str, as_json: bool) -> None:
    require_own(settings)
    require_data(settings)
    place = Place(where, make=True)
    with progress() as shown, means(settings, shown) as rooms, closing(NodeClock(settings.data / "clock")) as clock:
        rooms.state.migrate()
        saved = back_up(place, rooms, clock)
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
            manifest = check(Place(where), shown)
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
