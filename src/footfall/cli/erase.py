"""`footfall erase` erases a person everywhere; `footfall erasures` shows what was done, and what is out of reach."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec import UNSET

from footfall.cli.auditing import audited, machine_user
from footfall.cli.context import Needs, data_command, require_told
from footfall.cli.failures import Problems, tell_store_error
from footfall.cli.opening import open_state
from footfall.cli.tables import echo_table, echo_text
from footfall.service import composition
from footfall.settings import Settings
from footfall.system.data_folder import is_served
from footfall.wording import count_of, moment

if TYPE_CHECKING:
    from footfall.erasure import DryRun, ErasedEvents, Erasures, ErasureShown
    from footfall.plan import Plan

# Seconds between two looks whether the work is done.
_POLL_PERIOD_S = 0.5
_INDENT = 11
# Stands for a value that is read from standard input, so that it is in no list of processes.
_STDIN = "-"


@click.command()
@click.option("--key", required=True, metavar="KEY", help="The context key that names people, such as userId.")
@click.option("--value", required=True, metavar="VALUE", help="The person's value of that key; - reads a line of it.")
@click.option("--customer", "customers", multiple=True, metavar="CODE", help="Only at this customer; may be repeated.")
@click.option("--product", "products", multiple=True, metavar="CODE", help="Only at this product; may be repeated.")
@click.option("--pseudonymise", is_flag=True, help="Keep the events, with a random name in the place of the value.")
@click.option("--dry-run", is_flag=True, help="Only show what the store has of the person.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end of the work.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@data_command()
@audited("erasure.order", hidden=("value",))
def erase(
    settings: Settings,
    key: str,
    value: str,
    customers: tuple[str, ...],
    products: tuple[str, ...],
    pseudonymise: bool,
    dry_run: bool,
    yes: bool,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Erase a person: all events that have the value, wherever footfall keeps them, and whatever comes of them later.

    Run it on a node. The workers of all nodes do the work, and go on with it after a crash; the command waits for the
    end and shows the receipt. Ctrl-C ends the waiting, and not the work. There is no way back.

    \b
    Examples:
      footfall erase --key userId --value 8c1f --dry-run
      footfall erase --key userId --value 8c1f
      footfall erase --key userId --value - --pseudonymise --yes < id.txt
    """
    from footfall.erasure import ErasureWanted  # noqa: PLC0415

    wanted = ErasureWanted(
        key=key,
        value=sys.stdin.readline().rstrip("\r\n") if value == _STDIN else value,
        pseudonymise=pseudonymise,
        customers=customers,
        products=products,
    )
    with _opened(settings) as erasures:
        found = erasures.dry_run(wanted)
        if dry_run:
            _show(found, as_json=as_json)
            return
        if not yes:
            _show(found, as_json=False)
            click.confirm("erase the person, with no way back?", abort=True, err=True)
        ordered = erasures.order(wanted, f"cli:{machine_user()}")
        click.echo(f"erasure {ordered.id} is ordered", err=True)
        if not no_wait:
            ordered = _wait(erasures, ordered)
    _tell(ordered, as_json=as_json)


@click.command()
@click.argument("erasure", required=False, metavar="[ID]")
@click.option("--json", "as_json", is_flag=True, help="JSON, for scripts; times are ms since the epoch.")
@data_command(Needs.STATE)
def erasures(settings: Settings, erasure: str | None, as_json: bool) -> None:
    """List the erasures of persons, the newest first, or show the receipt of one.

    \b
    Examples:
      footfall erasures
      footfall erasures 3f0c7a52-0d4e-4e7e-9a55-1c9d0e7c2b10
    """
    from footfall.erasure import find_erasure, newest_erasures  # noqa: PLC0415

    with open_state(settings) as state:
        if erasure is not None:
            found = find_erasure(state, erasure)
            if found is None:
                raise click.ClickException(f"there is no erasure {erasure}")
            _tell(found, as_json=as_json)
            return
        newest = newest_erasures(state)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(newest)))
        return
    rows = [
        (one.id, one.status, one.mode, one.key, moment(one.ordered), one.ordered_by, one.kept_out) for one in newest
    ]
    echo_table(("ID", "STATUS", "MODE", "KEY", "ORDERED", "BY", "KEPT OUT"), rows, "nobody was erased")


@contextlib.contextmanager
def _opened(settings: Settings) -> Iterator["Erasures"]:
    from footfall.erasure import ErasureRefused, Erasures  # noqa: PLC0415
    from footfall.plan import PlanInvalid  # noqa: PLC0415
    from footfall.service.temporary_engine import temporary_engine  # noqa: PLC0415
    from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable  # noqa: PLC0415

    require_told("state_url", "events_url")

    def plan() -> "Plan":
        return composition.read_plan(settings)

    try:
        with (
            open_state(settings) as state,
            composition.open_store(settings) as store,
            temporary_engine(settings, store, composition.ENGINE_STARTS_S if is_served(settings) else 0),
            composition.open_clock(settings) as clock,
        ):
            yield Erasures(state, store, plan, clock)
    except PlanInvalid as error:
        raise Problems(str(error)) from error
    except ErasureRefused as error:
        raise click.ClickException(str(error)) from error
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        raise click.ClickException(tell_store_error(error)) from error


def _wait(erasures: "Erasures", ordered: "ErasureShown") -> "ErasureShown":
    """The erasure at its end, or as it is when no worker is there (any more) that could do the work."""
    while ordered.ended is UNSET:
        if not erasures.are_workers_alive():
            click.echo("no worker runs: the work goes on when the service does", err=True)
            break
        time.sleep(_POLL_PERIOD_S)
        ordered = erasures.find(ordered.id) or ordered
    return ordered


def _show(found: "DryRun", *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    rows = [("events", *_row(one)) for one in found.events] + [("quarantine", *_row(one)) for one in found.quarantined]
    echo_table(("IN", "CUSTOMER", "PRODUCT", "EVENTS", "FIRST", "LAST"), rows, "the store has nothing of the person")


def _row(one: "ErasedEvents") -> tuple[str, str, int, str, str]:
    return one.customer, one.product, one.events, moment(one.first), moment(one.last)


def _tell(shown: "ErasureShown", *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(shown)))
        return
    for line in _lines(shown):
        echo_text(line, _INDENT)


def _lines(shown: "ErasureShown") -> Iterator[str]:
    receipt = shown.receipt
    ended = "" if shown.ended is UNSET else f", ended {moment(shown.ended)}"
    yield f"erasure    {shown.id}"
    yield f"status     {shown.status}; ordered {moment(shown.ordered)} by {shown.ordered_by}{ended}"
    where = ", ".join((*shown.customers, *shown.products)) or "everywhere"
    yield f"person     by {shown.key}, {where}; {shown.mode}, up to {moment(shown.until)}"
    if receipt.events is not UNSET:
        for one in receipt.events:
            yield f"store      {count_of(one.events, 'event')} of {one.customer} {one.product}"
        for one in receipt.quarantined or ():
            yield f"quarantine {count_of(one.events, 'event')} of {one.customer} {one.product}"
    for node, files in receipt.nodes.items():
        yield f"files      {count_of(files.events, 'event')} in {count_of(files.segments, 'segment')} of node {node}"
    for report in receipt.reports:
        yield f"report     {report.source}: its file is {report.file}"
    for what in receipt.redacted:
        yield f"redacted   {what}: its condition names nobody any more"
    for backup in receipt.backups:
        yield f"backup     {backup.place}: {'has a tombstone' if backup.tombstone else backup.why}"
    if shown.kept_out:
        yield f"kept out   {count_of(shown.kept_out, 'event')} that came later"
    for text in receipt.out_of_reach:
        yield f"not        {text}"
