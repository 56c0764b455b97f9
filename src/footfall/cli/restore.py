"""`footfall restore`: a backup brought back on an empty machine."""

import click
import msgspec

from footfall.backup import Place, prepare
from footfall.backup import restore as bring_back
from footfall.cli.context import data_options, pass_own
from footfall.cli.safekeeping import describe, explained, means, progress, summarize
from footfall.settings import Settings


@click.command()
@click.argument("where", metavar="PLACE")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@data_options
@pass_own
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
    with explained():
        place = Place(where)
        with (
            progress() as shown,
            prepare(place, settings, shown) as claimed,
            means(settings, shown) as rooms,
        ):
            bring_back(place, claimed, rooms)
    summary = summarize(claimed.manifest)
    plan_differs = claimed.manifest.plan not in ("", rooms.plan)
    if as_json:
        told = {"place": where, **msgspec.to_builtins(summary), "plan_differs": plan_differs}
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        click.echo(f"restored to {settings.data.resolve()}; the store has as many events of each day as the backup")
        for line in describe(summary):
            click.echo(line)
    if plan_differs:
        click.echo(
            f"the tracking plan in force is {rooms.plan or 'broken'}, the backup was made with "
            f"{claimed.manifest.plan}: reports may have other columns",
            err=True,
        )
