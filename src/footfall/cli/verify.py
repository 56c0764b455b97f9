"""`footfall verify` checks every event against the archive; `footfall rebuild` makes the table anew from it."""

import sys
from collections.abc import Iterator

import click
import msgspec

from footfall.cli.context import data_command
from footfall.cli.integrity_output import (
    Undecided,
    counted,
    harmed,
    missed,
    open_node,
    plain_errors,
    progress,
    read_persons,
)
from footfall.cli.output import WholeNumber
from footfall.cli.tables import echo_table, echo_text, table
from footfall.integrity import (
    BAD_VERDICTS,
    Absence,
    CheckedDay,
    ComparisonResult,
    Expiry,
    Finding,
    Rebuilding,
    RebuildPlan,
    Rebuilt,
    Unarchived,
    Verification,
    VerificationResult,
)
from footfall.settings import Settings
from footfall.wording import count_of, moment

# Where the words begin that stand behind the first of a line.
_INDENT = 10
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
@click.option("--days", metavar="N", type=WholeNumber(), help="Compare only the archive's last N days.")
@click.option("--frames-only", is_flag=True, help="Check only the checksums; the events store is not asked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts; times are ms since the epoch.")
@data_command(failure=Undecided)
def verify(settings: Settings, days: int | None, frames_only: bool, as_json: bool) -> None:
    """Check that nothing was lost: hold the archive's segments against their checksums and the store against them.

    Every archived event must be in the store once and unchanged, and every event that the store has of the archive's
    time must be archived; likewise what quarantine holds, and has released or dropped. Nothing may be left of erased
    persons, and of what is past the time for which it is kept. Run it on a node, with the
    service's settings, while the service runs: events that arrive meanwhile raise no alarm. The exit code is 0 when
    all is well, 1 when something is missing, doubled, changed, damaged or set aside, and 3 when that could not be found
    out.

    \b
    Examples:
      footfall verify
      footfall verify --days 2
      footfall verify --json | jq .problems
    """
    with plain_errors(Undecided), open_node(settings, needs_store=not frames_only) as (store, clock):
        persons = None if frames_only else read_persons(settings)
        verdict = Verification(settings, store, clock, progress(), persons).run(days, frames_only=frames_only)
    if as_json:
        is_well = not (verdict.problems or verdict.is_undecided)
        told = {"well": is_well, "problems": verdict.problems, **msgspec.to_builtins(verdict)}
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        for line in _describe_verification(verdict):
            echo_text(line, _INDENT)
        _show_comparisons(verdict)
        echo_text(_conclude(verdict), _INDENT)
    sys.exit(1 if verdict.problems else Undecided.exit_code if verdict.is_undecided else 0)


def _describe_verification(verdict: VerificationResult) -> Iterator[str]:
    yield f"archive   {counted(verdict.archive)}"
    yield f"journal   {counted(verdict.journal)}{' that wait to be loaded' if verdict.journal.segments else ''}"
    yield f"aside     {counted(verdict.aside)}{', perhaps not in the store' if verdict.aside.segments else ''}"
    yield from map(missed, verdict.lost)
    for harm in verdict.harms:
        yield f"damaged   {harmed(harm)}"
    if verdict.erased is not None and verdict.erased.persons:
        yield from _describe_absence(verdict.erased)
    if verdict.past is not None and verdict.past.cutoffs:
        yield from _describe_expiry(verdict.past)
    if verdict.compared is None:
        why = "no events are archived" if not verdict.archive.events else "only the checksums were asked for"
        yield f"store     not compared, because {why}"


def _describe_absence(erased: Absence) -> Iterator[str]:
    who = count_of(erased.persons, "erased person")
    if not erased.events:
        yield f"erased    nothing is left of {who}"
    for place, count in erased.events.items():
        yield f"erased    {place}: {count_of(count, 'event')} of {who}"


def _describe_expiry(past: Expiry) -> Iterator[str]:
    if not past.events:
        later = "; today's removal goes on" if past.waiting else ""
        yield f"past      nothing is left of what the rules of retention have removed{later}"
    for place, count in past.events.items():
        yield f"past      {place}: {count_of(count, 'event')} past their time"


def _show_comparisons(verdict: VerificationResult) -> None:
    if verdict.compared is not None:
        _show_comparison("store", verdict.compared)
    if verdict.quarantine is not None and any(verdict.quarantine.days):
        _show_comparison("quarantine", verdict.quarantine)
    if verdict.shared and verdict.compared is not None and verdict.compared.total("unarchived"):
        echo_text(
            "unarchived events count as well here: other nodes load into this store, and have archives of their own"
        )


def _show_comparison(what: str, compared: ComparisonResult) -> None:
    begin, through = moment(compared.begin_ms), moment(compared.through_ms)
    if compared.begin_ms > compared.through_ms:
        span = "on what is archived: the archive has only begun to cover what the store has"
    else:
        span = f"on what was admitted from {begin} to {through}"
    echo_text(f"{what:<9} compared {span}", _INDENT)
    totals = [(verdict, compared.total(verdict)) for verdict in _MEANINGS]
    for line in table([(f"  {verdict}", count, _MEANINGS[verdict]) for verdict, count in totals if count]):
        click.echo(line)
    if wrong := [day for day in compared.days if any(getattr(day, verdict) for verdict in BAD_VERDICTS)]:
        click.echo()
        echo_table(("DAY", "ARCHIVED", "STORED", *map(str.upper, BAD_VERDICTS)), map(_day, wrong), "")
    if compared.findings:
        click.echo()
        echo_table(("VERDICT", "CUSTOMER", "PRODUCT", "TIMESTAMP", "ID"), map(_finding, compared.findings), "")
        click.echo()


def _conclude(verdict: VerificationResult) -> str:
    events = verdict.archive.events
    speed = f" ({events / verdict.seconds:,.0f} archived events/s)" if events and verdict.seconds else ""
    words = ", ".join(f"{count:,} {kind}" for kind, count in verdict.problems.items())
    if verdict.is_undecided and not words:
        words = "not known: the store has events, and the archive has none to compare them with"
    return f"verdict   {words or 'all is well'}, after {verdict.seconds:.1f} s{speed}"


def _day(day: CheckedDay) -> tuple[object, ...]:
    return day.day, day.archived, day.stored, *(getattr(day, verdict) for verdict in BAD_VERDICTS)


def _finding(one: Finding) -> tuple[object, ...]:
    return one.verdict, one.customer, one.product, moment(one.timestamp), f"{one.batch}/{one.sequence}"


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
@data_command()
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
    with plain_errors(), open_node(settings) as (store, clock):
        rebuilding = Rebuilding(settings, store, clock, progress(), read_persons(settings))
        if abandon:
            rebuilding.abandon()
            click.echo("nothing of an unfinished rebuild is left")
        elif drop_old:
            click.echo("removed events_old" if rebuilding.drop_old() else "there is no events_old")
        else:
            plan = RebuildPlan(unarchived=Unarchived(unarchived), archive_only=archive_only, keep_old=keep_old)
            for line in _describe_rebuild(rebuilding.run(plan), plan):
                echo_text(line, _INDENT)


def _describe_rebuild(rebuilt: Rebuilt, plan: RebuildPlan) -> Iterator[str]:
    yield f"archive   {counted(rebuilt.archive)}"
    yield from map(missed, rebuilt.lost)
    for harm in rebuilt.harms:
        yield f"damaged   {harmed(harm)}"
    if rebuilt.before is not None:
        before = rebuilt.before
        wrong = {kind: before.total(kind) for kind in ("missing", "doubled", "changed")}
        words = ", ".join(f"{count:,} {kind}" for kind, count in wrong.items() if count)
        yield f"before    {words or 'the table was as the archive'}"
        yield f"carried   {count_of(before.total('older'), 'older event')}, whose archive is gone"
        if count := before.total("unarchived"):
            dropped = plan.unarchived is Unarchived.DROP
            yield f"{'left out ' if dropped else 'kept     '} {count_of(count, 'event')} that no archived segment holds"
    if rebuilt.quarantine is not None and any(rebuilt.quarantine.days):
        lacked = rebuilt.quarantine.total("missing", "changed")
        yield (
            f"quarantine  brought back: {count_of(lacked, 'record')}"
            if lacked
            else "quarantine  the table lacked nothing of the archive"
        )
    if rebuilt.kept_old:
        yield "old table kept as events_old; footfall rebuild --drop-old removes it"
    if rebuilt.after is None:
        yield "rebuilt   no events, for none are archived"
        return
    events = rebuilt.after.total("good", "unarchived", "older", "newer")
    yield f"rebuilt   {count_of(events, 'event')} in {rebuilt.seconds:.1f} s; the new table is in place"
