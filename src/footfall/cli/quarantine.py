"""`footfall quarantine`: the events that broke the tracking plan; look at them, release them, drop them."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from operator import methodcaller
from typing import Any, TypeVar

import click

from footfall.cli.auditing import audited
from footfall.cli.context import AnyFunction, OverviewGroup, data_command, require_told
from footfall.cli.failures import Problems, tell_store_error
from footfall.cli.output import WholeNumber, echo_json, read_time, zone_option
from footfall.cli.tables import echo_table
from footfall.errors import RequestRefused
from footfall.journal import JournalError
from footfall.plan import PlanInvalid
from footfall.quarantine import Broken, ChangeOutcome, Held, Quarantine, Selection, event_id
from footfall.service import composition
from footfall.settings import Settings
from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable
from footfall.system.clock import SystemClock
from footfall.wire import Standing
from footfall.wording import count_of, moment, plain

Result = TypeVar("Result")

# Seconds until a worker has loaded what was changed: a segment is sealed at once when the command ends.
SETTLE_S = 10
GROUPS_SHOWN = 100
REASON_CHARS = 100
_NO_EVENTS = "there are no such events"


@click.group(cls=OverviewGroup)
def quarantine() -> None:
    """Look at the events that broke the tracking plan, release them, drop them.

    With plan_mode quarantine such events are held instead of refused. When the plan's file takes them, release them:
    they are then in every report that starts afterwards, and in none that was made before.

    \b
    Examples:
      footfall quarantine list --summary
      footfall quarantine release --dry-run
      footfall quarantine release --customer TGAM --since 7d
      footfall quarantine drop --type TEST-EVENT
    """


def _filters(command: AnyFunction) -> AnyFunction:
    """The options that select events."""
    for option in reversed(
        (
            click.option("--customer", default="", metavar="CODE", help="Only this customer's."),
            click.option("--product", default="", metavar="CODE", help="Only this product's."),
            click.option("--type", default="", metavar="CODE", help="Only of this type."),
            click.option("--reason", default="", metavar="TEXT", help="Only with this text in the reason."),
            click.option("--since", callback=read_time, metavar="TIME", help="Received then or later: 7d, 2026-11-23."),
            click.option(
                "--until", callback=read_time, metavar="TIME", help="Received then or earlier; a date has all its day."
            ),
            zone_option,
        )
    ):
        command = option(command)
    return command


def _id(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    try:
        return event_id(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _ids(context: click.Context, argument: click.Parameter, values: Iterable[str]) -> tuple[str, ...]:
    return tuple(_id(context, argument, value) for value in values)


_everything = click.option(
    "--all", "everything", is_flag=True, help="Really all that are held, where nothing else is said."
)
_named = click.argument("ids", metavar="[BATCH/SEQUENCE]...", nargs=-1, callback=_ids)


@quarantine.command("list")
@_filters
@click.option(
    "--state",
    type=click.Choice([*(each.value for each in Standing), "all"]),
    default=Standing.HELD.value,
    help="Only in this state; held when not said.",
)
@click.option("--limit", metavar="N", type=WholeNumber(1000), default=50, help="So many at the most; 50 when not said.")
@click.option("--summary", is_flag=True, help="How many there are of which type, and for which reason.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts; times are ms since the epoch.")
@data_command()
def list_events(settings: Settings, /, state: str, limit: int, summary: bool, as_json: bool, **filters: Any) -> None:
    """List events, the newest first; long values are cut, and show has them whole.

    \b
    Examples:
      footfall quarantine list --summary
      footfall quarantine list --product WATCHLIST --since 1d
      footfall quarantine list --state all --json | jq -r '.[].reason'
    """
    selection = Selection(**filters, state="" if state == "all" else state)
    if summary:
        groups = _run(settings, lambda events: events.summary(selection, limit))
        rows = [(each.events, each.product, each.type, _first(each.reason), moment(each.last)) for each in groups]
        _show(groups, ("EVENTS", "PRODUCT", "TYPE", "REASON", "LAST"), rows, as_json)
        if not groups:
            _say_unknown(settings, selection)
        return
    page = _run(settings, lambda events: events.page(selection, limit))
    _show(page.events, ("RECEIVED", "ID", "STATE", "CUSTOMER", "TYPE", "REASON"), map(_row, page.events), as_json)
    if not page.events:
        _say_unknown(settings, selection)
    if page.next:
        click.echo("there are more: --limit, or a narrower choice, shows them", err=True)


@quarantine.command()
@click.argument("id", metavar="BATCH/SEQUENCE", callback=_id)
@data_command()
def show(settings: Settings, id: str) -> None:  # noqa: A002 - what the command line calls it
    """Show one event as it came, with all that is known of it, as JSON.

    \b
    Example:
      footfall quarantine show e2d04b89-972d-4a0a-b0ee-427bef63a8d0/3
    """
    found = _run(settings, lambda events: events.find(id))
    if found is None:
        raise click.ClickException(f"{id} is not in quarantine")
    echo_json(found)


@quarantine.command()
@_filters
@_named
@_everything
@click.option("--set-type", default="", metavar="CODE", help="Give all of them this type first.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@data_command()
@audited("quarantine.release")
def release(
    settings: Settings, /, ids: tuple[str, ...], everything: bool, set_type: str, dry_run: bool, **filters: Any
) -> None:
    """Release the events that the present plan takes; those that still break it stay.

    The plan is that of the file as it is now. Released events keep their batch, sequence and time of receipt. Releasing
    again does no harm: an event counts once.

    \b
    Examples:
      footfall quarantine release --dry-run
      footfall quarantine release --product WATCHLIST --until 2026-11-23
      footfall quarantine release --type WATCHLIST-ADDED \\
          --set-type WATCHLIST-SYMBOL-ADDED
    """
    if not dry_run:
        _require_choice("release", ids, filters, everything=everything)
    selection = Selection(**filters, ids=ids)
    outcome = _run(settings, lambda events: events.release(selection, _who(), set_type=set_type, dry_run=dry_run))
    if not (outcome.changed or outcome.stayed or outcome.stopped):
        click.echo(_NO_EVENTS)
        _say_unknown(settings, selection)
        return
    click.echo(f"{'would release' if dry_run else 'released'} {count_of(outcome.changed, 'event')}")
    if outcome.stayed:
        they = "still breaks the plan and stays" if outcome.stayed == 1 else "still break the plan and stay"
        click.echo(f"{count_of(outcome.stayed, 'event')} {they}:")
        rows = map(_broken, outcome.broken[:GROUPS_SHOWN])
        echo_table(("EVENTS", "PRODUCT", "TYPE", "REASON", "EXAMPLE"), rows, _NO_EVENTS)
    _stop(outcome)


@quarantine.command()
@_filters
@_named
@_everything
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_command()
@audited("quarantine.drop")
def drop(settings: Settings, /, ids: tuple[str, ...], everything: bool, yes: bool, **filters: Any) -> None:
    """Drop events for good: a record of each stays, without its content.

    \b
    Examples:
      footfall quarantine drop --type TEST-EVENT
      footfall quarantine drop --until 90d --yes
    """
    _require_choice("drop", ids, filters, everything=everything)
    if filters["until"] is None:
        # What comes while somebody thinks about the question was not in it.
        filters["until"] = SystemClock().now_ms()
    selection = Selection(**filters, ids=ids, state=Standing.HELD)
    count = _run(settings, lambda events: events.count(selection))
    if count == 0:
        click.echo(_NO_EVENTS)
        _say_unknown(settings, selection)
        return
    if not yes:
        click.confirm(f"drop {count_of(count, 'event')}, with no way back?", abort=True, err=True)
    outcome = _run(settings, lambda events: events.drop(selection, _who()))
    click.echo(f"dropped {count_of(outcome.changed, 'event')}")
    _stop(outcome)


def _run(settings: Settings, work: Callable[[Quarantine], Awaitable[Result]]) -> Result:
    """Do work with the quarantine; an error that may well happen becomes a line on standard error and exit code 1."""
    require_told("events_url")
    try:
        return asyncio.run(_with_quarantine(settings, work))
    except PlanInvalid as error:
        raise Problems(str(error)) from error
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        raise click.ClickException(tell_store_error(error)) from error
    except JournalError as error:
        raise click.ClickException(f"nothing was changed: {error}") from error
    except RequestRefused as error:
        raise click.ClickException("; ".join([error.message, *map(str, error.problems)])) from error


async def _with_quarantine(settings: Settings, work: Callable[[Quarantine], Awaitable[Result]]) -> Result:
    """Do work with a quarantine that writes to a journal of its own, in the folder that the node's worker loads."""
    with composition.open_clock(settings) as clock, composition.open_store(settings) as store:
        await asyncio.to_thread(composition.wait_for_engine, settings, store)
        journal = composition.new_journal(settings, clock)
        quarantine = Quarantine(store, journal, partial(composition.read_plan, settings), settings)
        running = asyncio.create_task(journal.run())
        try:
            result = await work(quarantine)
        finally:
            journal.close()
            await running
        if isinstance(result, ChangeOutcome) and not await quarantine.wait_until_visible(result, SETTLE_S):
            text = f"it is on disk, and shows when a worker has loaded it: does one run on {settings.data.resolve()}?"
            click.echo(text, err=True)
        return result


def _require_choice(verb: str, ids: tuple[str, ...], filters: dict[str, Any], *, everything: bool) -> None:
    """Refuse a change that does not say which events: a script's empty variable must not mean all of them."""
    if not everything and not ids and not any(value or value == 0 for value in filters.values()):
        raise click.UsageError(f"say which events to {verb}, or --all")


def _who() -> str:
    """Who is at the command line, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _stop(outcome: ChangeOutcome) -> None:
    if outcome.stopped:
        raise click.ClickException(outcome.stopped)


def _show(found: object, head: tuple[str, ...], rows: Iterable[tuple[object, ...]], as_json: bool) -> None:
    if as_json:
        echo_json(found)
    else:
        echo_table(head, rows, _NO_EVENTS)


def _say_unknown(settings: Settings, selection: Selection) -> None:
    """Say which of the codes by which nothing was found quarantine has never had: they are probably misspelt."""
    for kind in ("customer", "product", "type"):
        code = getattr(selection, kind)
        alone = Selection(**{kind: code})
        if code and not _run(settings, methodcaller("count", alone)):
            hint = "`footfall quarantine list --state all` shows what it has"
            click.echo(f"quarantine never had an event of the {kind} {plain(code)}; {hint}", err=True)


def _row(each: Held) -> tuple[object, ...]:
    return moment(each.received), each.id, each.state.value, each.customer, each.type, _first(each.reason)


def _broken(each: Broken) -> tuple[object, ...]:
    return each.events, each.product, each.type, _first(each.reason), each.example


def _first(reason: str) -> str:
    """What fits a line of a table: the first thing that is wrong, and how many more are."""
    first, *others = reason.split("\n")
    cut = first if len(first) <= REASON_CHARS else f"{first[: REASON_CHARS - 1]}\u2026"
    return f"{cut} (+{len(others)})" if others else cut
