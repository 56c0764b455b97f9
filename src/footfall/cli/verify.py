"""`footfall verify`: every frame against its checksum, every archived event against the store."""

import sys
from collections.abc import Iterator

import click
import msgspec

from footfall.checking import BAD, Compared, Day, Finding, Verdict, Verification
from footfall.cli.checks import Unknown, counted, explained, harmed, missed, opened, progress
from footfall.cli.context import data_options, pass_own
from footfall.cli.showing import moment, table
from footfall.settings import Settings

_MEANINGS = {
    "good": "archived, and in the store as archived, once",
    "missing": "archived, and not in the store",
    "doubled": "in the store more than once",
    "changed": "in the store, but not as archived",
    "unarchived": "in the store, and in no archived segment, although the archive covers their time",
    "older": "in the store only, from before the archive begins: not compared",
    "newer": "loaded meanwhile, or waiting to be archived: not compared",
}


@click.command()
@click.option("--days", metavar="N", type=click.IntRange(min=1), help="Compare only the archive's last N days.")
@click.option("--frames-only", is_flag=True, help="Check only the checksums; the events store is not asked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts; times are ms since the epoch.")
@data_options
@pass_own
def verify(settings: Settings, days: int | None, frames_only: bool, as_json: bool) -> None:
    """Check that nothing was lost: hold the archive's segments against their checksums and the store against them.

    Every archived event must be in the store once and unchanged, and every event that the store has of the archive's
    time must be archived; likewise what quarantine holds, and has released or dropped. Run it on a node, with the
    service's settings, while the service runs: events that arrive meanwhile raise no alarm. The exit code is 0 when
    all is well, 1 when something is missing, doubled, changed, damaged or set aside, and 3 when that could not be found
    out.

    \b
    Examples:
      footfall verify
      footfall verify --days 2
      footfall verify --json | jq .problems
    """
    with explained(Unknown), opened(settings, needs_store=not frames_only) as (store, clock):
        verdict = Verification(settings, store, clock, progress()).run(days, frames_only=frames_only)
    if as_json:
        told = {"well": not verdict.problems, "problems": verdict.problems, **msgspec.to_builtins(verdict)}
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        for line in _lines(verdict):
            click.echo(line)
    sys.exit(1 if verdict.problems else 0)


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"archive   {counted(verdict.archive)}"
    yield f"journal   {counted(verdict.journal)}{' that wait to be loaded' if verdict.journal.segments else ''}"
    yield f"aside     {counted(verdict.aside)}{', perhaps not in the store' if verdict.aside.segments else ''}"
    yield from map(missed, verdict.lost)
    for harm in verdict.harms:
        yield f"damaged   {harmed(harm)}"
    if verdict.compared is None:
        why = "no events are archived" if not verdict.archive.events else "only the checksums were asked for"
        yield f"store     not compared, because {why}"
    else:
        yield from _comparison("store     ", verdict.compared)
    if verdict.quarantine is not None and any(verdict.quarantine.days):
        yield from _comparison("quarantine", verdict.quarantine)
    if verdict.shared and verdict.compared is not None and verdict.compared.total("unarchived"):
        yield "unarchived events count as well here: other nodes load into this store, and have archives of their own"
    events = verdict.archive.events
    speed = f" ({events / verdict.seconds:,.0f} archived events/s)" if events and verdict.seconds else ""
    words = ", ".join(f"{count:,} {kind}" for kind, count in verdict.problems.items())
    yield f"verdict   {words or 'all is well'}, after {verdict.seconds:.1f} s{speed}"


def _comparison(what: str, compared: Compared) -> Iterator[str]:
    begin, through = moment(compared.begin_ms), moment(compared.through_ms)
    if compared.begin_ms > compared.through_ms:
        yield f"{what} compared on what is archived: the archive has only begun to cover what the store has"
    else:
        yield f"{what} compared on what was admitted from {begin} to {through}"
    totals = [(verdict, compared.total(verdict)) for verdict in _MEANINGS]
    yield from table([(f"  {verdict}", count, _MEANINGS[verdict]) for verdict, count in totals if count])
    if wrong := [day for day in compared.days if any(getattr(day, verdict) for verdict in BAD)]:
        yield ""
        yield from table([("day", "archived", "stored", *BAD), *map(_day, wrong)])
    if compared.findings:
        yield ""
        head = ("verdict", "customer", "product", "timestamp", "batch", "sequence")
        yield from table([head, *map(_finding, compared.findings)])
        yield ""


def _day(day: Day) -> tuple[object, ...]:
    return day.day, day.archived, day.stored, *(getattr(day, verdict) for verdict in BAD)


def _finding(one: Finding) -> tuple[object, ...]:
    return one.verdict, one.customer, one.product, one.timestamp, one.batch, one.sequence
