"""`footfall plan`: the tracking plan in words, and a check of a file before it is deployed."""

from pathlib import Path

import click

from footfall.cli.context import Problems
from footfall.plan import Plan, PlanInvalid, describe, load
from footfall.settings import Settings

_FILE = click.Path(path_type=Path)


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
    if file is None and settings.plan:
        file = Path(settings.plan)
    click.echo(describe(_load(file)), nl=False)


@plan.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Check a plan file: every problem is named with its line.

    The exit code is 0 for a plan that can be used, and 1 for one that cannot, so that it serves in a deployment:

    \b
      footfall plan check next-plan.toml && cp next-plan.toml /etc/footfall/plan.toml
    """
    good = _load(file)
    counts = f"customers: {len(good.customers) or 'any'}, products: {len(good.products)}, types: {len(good.types)}"
    click.echo(f"{file}: good, fingerprint {good.fingerprint}; {counts}")


def _load(file: Path | None) -> Plan:
    try:
        return load(file)
    except PlanInvalid as error:
        raise Problems(str(error)) from error
