"""`footfall plan`: the tracking plan in words, and a check of a file before it is deployed."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from footfall.cli.context import Problems, require_own
from footfall.cli.output import moment, read_time, table, zone_option
from footfall.plan import Plan, PlanInvalid, compile_plan, describe_plan, load_plan
from footfall.service.composition import open_store, plan_path
from footfall.settings import Settings
from footfall.system.clock import SystemClock

_FILE = click.Path(path_type=Path)
_GROUPS_SHOWN = 100


@click.group()
def plan() -> None:
    """Show and check the tracking plan.

    The plan says which customers, products and event types exist, and what each type's context holds. It is a TOML
    file, named by the setting plan; without one the packaged plan counts.
    """


@plan.command()
@click.argument("file", type=_FILE, required=False)
@click.pass_obj
def show(settings: Settings, file: Path | None) -> None:
    """Show a plan: its customers, its products with their columns and types, its rules.

    Without FILE it is the plan that the service would use.

    \b
    Examples:
      footfall plan show
      footfall plan show next-plan.toml
    """
    click.echo(describe_plan(_load(file or plan_path(settings))), nl=False)


@plan.command()
@click.argument("file", type=_FILE)
@click.option(
    "--against-history",
    "since",
    metavar="TIME",
    callback=read_time,
    help="Also hold the stored events from then on (30d, 2026-11-01) against it.",
)
@zone_option
@click.option(
    "--customer", "customers", metavar="CODE", multiple=True, help="Of these only this customer's; repeat it."
)
@click.pass_obj
def check(settings: Settings, file: Path, since: int | None, customers: tuple[str, ...]) -> None:
    """Check a plan file: every problem is named with its line.

    The exit code is 0 for a plan that can be used, and 1 for one that cannot, so that it serves in a deployment. With
    --against-history it is also 1 when the plan would have refused any of the events that are stored, by their own
    times; they stay as they are in any case. The service must be running.

    \b
    Examples:
      footfall plan check next-plan.toml && cp next-plan.toml /etc/footfall/plan.toml
      footfall plan check next-plan.toml --against-history 30d --customer TGAM
    """
    if customers and since is None:
        raise click.UsageError("--customer goes with --against-history")
    good = _load(file)
    counts = f"customers: {len(good.customers) or 'any'}, products: {len(good.products)}, types: {len(good.types)}"
    click.echo(f"{file}: good, fingerprint {good.fingerprint}; {counts}")
    if since is not None:
        _check_history(settings, good, since, customers)


def _check_history(settings: Settings, plan: Plan, since: int, customers: tuple[str, ...]) -> None:
    """Say what the plan would have refused; ends the command with code 1 when that is anything."""
    # Small commands need no store, and are quick without it.
    from footfall.quarantine import HistoryRange, check_history  # noqa: PLC0415
    from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable  # noqa: PLC0415

    require_own(settings)
    newest = SystemClock().now_ms() + settings.timestamp_ahead_max_ms
    history = HistoryRange(start=since, end=newest, customers=customers)
    checker = compile_plan(plan, settings, thorough=True)
    try:
        with open_store(settings) as store, _progress() as seen:
            verdict = check_history(store, history, checker, seen)
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        raise click.ClickException(f"the events store does not answer: {error}") from error
    click.echo(f"of {verdict.events} events since {moment(since)} the plan would have refused {verdict.refused}")
    if verdict.refused:
        head = ("EVENTS", "PRODUCT", "TYPE", "EXAMPLE", "REASON")
        rows = [
            (each.events, each.product, each.type, each.example, each.reason.replace("\n", "; "))
            for each in verdict.broken[:_GROUPS_SHOWN]
        ]
        for line in table([head, *rows]):
            click.echo(line)
        if len(verdict.broken) > len(rows):
            click.echo("and others, less frequent", err=True)
        raise click.exceptions.Exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    with click.progressbar(length=1, label="events", file=sys.stderr) as bar:

        def show(events: int, total: int) -> None:
            bar.length = total
            bar.update(events - bar.pos)

        yield show


def _load(file: Path | None) -> Plan:
    try:
        return load_plan(file)
    except PlanInvalid as error:
        raise Problems(str(error)) from error
