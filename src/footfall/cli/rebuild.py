"""`footfall rebuild`: the table of events made anew from the archive, while the service runs."""

from collections.abc import Iterator

import click

from footfall.checking import Plan, Rebuilding, Rebuilt, Unarchived
from footfall.cli.checks import counted, explained, harmed, missed, opened, progress
from footfall.cli.context import data_options, pass_own
from footfall.settings import Settings


@click.command()
@click.option(
    "--unarchived",
    type=click.Choice([choice.value for choice in Unarchived]),
    default=Unarchived.REFUSE.value,
    help="What to do with events that no archived segment holds, although the archive covers their time.",
)
@click.option("--archive-only", is_flag=True, help="Take nothing from the present table: for one that cannot be read.")
@click.option("--keep-old", is_flag=True, help="Keep the old table as events_old.")
@click.option("--drop-old", is_flag=True, help="Only remove the table that an earlier rebuild kept.")
@click.option("--abandon", is_flag=True, help="Only clean up after a rebuild that was killed.")
@data_options
@pass_own
def rebuild(
    settings: Settings, unarchived: str, archive_only: bool, keep_old: bool, drop_old: bool, abandon: bool
) -> None:
    """Make the table of events anew from the archive, and put it in the present one's place.

    What quarantine lacks of the archive is loaded again too. The service goes on meanwhile: events are accepted,
    loaded and reported, and none is lost. Older events, whose archive is gone, are carried over from the present table.
    Before the tables change places the new one is held against the archive and against the old one; where anything is
    missing, the old one stays.

    Run it on a node, with the service's settings. It may be stopped until the tables change places, and leaves
    everything as it was then.

    \b
    Examples:
      footfall rebuild
      footfall rebuild --unarchived keep --keep-old
      footfall rebuild --drop-old
    """
    with explained(), opened(settings) as (store, clock):
        rebuilding = Rebuilding(settings, store, clock, progress())
        if abandon:
            rebuilding.abandon()
            click.echo("nothing of an unfinished rebuild is left")
        elif drop_old:
            click.echo("removed events_old" if rebuilding.drop_old() else "there is no events_old")
        else:
            plan = Plan(unarchived=Unarchived(unarchived), archive_only=archive_only, keep_old=keep_old)
            for line in _lines(rebuilding.run(plan), plan):
                click.echo(line)


def _lines(rebuilt: Rebuilt, plan: Plan) -> Iterator[str]:
    yield f"archive   {counted(rebuilt.archive)}"
    yield from map(missed, rebuilt.lost)
    for harm in rebuilt.harms:
        yield f"damaged   {harmed(harm)}"
    if rebuilt.before is not None:
        before = rebuilt.before
        wrong = {kind: before.total(kind) for kind in ("missing", "doubled", "changed")}
        words = ", ".join(f"{count:,} {kind}" for kind, count in wrong.items() if count)
        yield f"before    {words or 'the table was as the archive'}"
        yield f"carried   {before.total('older'):,} older events, whose archive is gone"
        if count := before.total("unarchived"):
            dropped = plan.unarchived is Unarchived.DROP
            yield f"{'left out ' if dropped else 'kept     '} {count:,} events that no archived segment holds"
    if rebuilt.quarantine is not None and any(rebuilt.quarantine.days):
        lacked = rebuilt.quarantine.total("missing", "changed")
        yield (
            f"quarantine  {lacked:,} records were brought back"
            if lacked
            else "quarantine  the table lacked nothing of the archive"
        )
    if rebuilt.kept_old:
        yield "old table kept as events_old; footfall rebuild --drop-old removes it"
    if rebuilt.after is None:
        yield "rebuilt   no events, for none are archived"
        return
    events = rebuilt.after.total("good", "unarchived", "older", "newer")
    yield f"rebuilt   {events:,} events in {rebuilt.seconds:.1f} s; the new table is in place"
