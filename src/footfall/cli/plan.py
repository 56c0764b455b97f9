"""`footfall plan`: the tracking plan in words, a check of a file before it is deployed, a first plan of one's own."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import structs

from footfall.cli.context import OverviewGroup, settings_command
from footfall.cli.failures import Problems
from footfall.cli.output import read_time, zone_option
from footfall.cli.plan_generate import generate
from footfall.cli.plan_history import history_range, open_history, require_customers
from footfall.cli.plan_infer import infer
from footfall.cli.plan_init import init
from footfall.cli.plan_refused import refused
from footfall.cli.tables import echo_table, echo_text
from footfall.plan import Plan, PlanInvalid, compile_plan, describe_plan, load_plan
from footfall.service.composition import plan_path
from footfall.settings import Settings
from footfall.wording import count_of, moment

if TYPE_CHECKING:
    from footfall.quarantine import HistoryRange

_FILE = click.Path(path_type=Path)
_GROUPS_SHOWN = 100
# What stands before the words of a line that describes a plan; a rule has nothing before it.
_BEFORE_TEXT = re.compile(r" *\S.*? {2,}")
_RULE_INDENT = 4


@click.group(cls=OverviewGroup)
def plan() -> None:
    """Write, show and check the tracking plan.

    The plan says which customers, products and event types exist, and what each type's context holds. It is a TOML
    file, named by the setting plan; without one the packaged plan counts.

    \b
    Examples:
      footfall plan init
      footfall plan show
      footfall plan check plan.toml
    """


plan.add_command(init)
plan.add_command(infer)
plan.add_command(generate)
plan.add_command(refused)


@plan.command()
@click.argument("file", type=_FILE, required=False)
@settings_command
def show(settings: Settings, file: Path | None) -> None:
    """Show a plan: its customers, its products with their columns and types, its rules.

    Without FILE it is the plan that the service would use.

    \b
    Examples:
      footfall plan show
      footfall plan show next-plan.toml
    """
    for line in describe_plan(_load(file or plan_path(settings))).splitlines():
        name = _BEFORE_TEXT.match(line)
        echo_text(line, name.end() if name else _RULE_INDENT)


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
@settings_command
def check(settings: Settings, file: Path, since: int | None, customers: tuple[str, ...]) -> None:
    """Check a plan file: every problem is named with its line.

    The exit code is 0 for a plan that can be used, and 1 for one that cannot, so that it serves in a deployment. With
    --against-history it is also 1 when the plan would have refused any of the events that are stored, by their own
    times; they stay as they are in any case. The service must be running.

    \b
    Examples:
      footfall plan check next-plan.toml \\
          && cp next-plan.toml /etc/footfall/plan.toml
      footfall plan check next-plan.toml --against-history 30d --customer TGAM
    """
    if customers and since is None:
        raise click.UsageError("--customer goes with --against-history")
    good = _load(file)
    counts = f"customers: {len(good.customers) or 'any'}, products: {len(good.products)}, types: {len(good.types)}"
    echo_text(f"{file}: good, fingerprint {good.fingerprint}; {counts}")
    if since is not None:
        _check_history(settings, good, history_range(settings, since, None, customers), file)


def _check_history(settings: Settings, plan: Plan, history: "HistoryRange", file: Path) -> None:
    """Say what the plan would have refused; ends the command with code 1 when that is anything.

    In open mode a plan refuses nothing that it does not know: whoever asks wants to know what it would be without.
    """
    from footfall.quarantine import check_history  # noqa: PLC0415

    checker = compile_plan(plan, structs.replace(settings, plan_mode="strict"), thorough=True)
    with open_history(settings) as (store, seen):
        require_customers(settings, file, store, history.customers)
        verdict = check_history(store, history, checker, seen)
    click.echo(
        f"of {count_of(verdict.events, 'event')} since {moment(history.start)} the plan would have refused "
        f"{verdict.refused or 'none'}"
    )
    if verdict.refused:
        head = ("EVENTS", "PRODUCT", "TYPE", "EXAMPLE", "REASON")
        rows = [
            (each.events, each.product, each.type, each.example, each.reason.replace("\n", "; "))
            for each in verdict.broken[:_GROUPS_SHOWN]
        ]
        echo_table(head, rows, "")
        if len(verdict.broken) > len(rows):
            click.echo("and others, less frequent", err=True)
        raise click.exceptions.Exit(1)


def _load(file: Path | None) -> Plan:
    try:
        return load_plan(file)
    except PlanInvalid as error:
        raise Problems(str(error)) from error
