"""`footfall plan infer`: a plan from the events that are stored, which open mode takes as they come."""

from typing import TYPE_CHECKING

import click

from footfall.cli.context import settings_command
from footfall.cli.output import read_time, zone_option
from footfall.cli.plan_history import history_range, open_history
from footfall.plan import Inference, Inferred, PlanInvalid, TooManyTypes, load_plan, parse_plan, write_inferred
from footfall.service.composition import plan_path
from footfall.settings import Settings
from footfall.wording import count_of, plain

if TYPE_CHECKING:
    from footfall.quarantine import HistoryRange


@click.command()
@click.option("--from", "since", callback=read_time, metavar="TIME", help="Only events from then on: 30d, 2026-11-01.")
@click.option("--until", callback=read_time, metavar="TIME", help="Only events until then; a date has all its day.")
@zone_option
@click.option("--product", "products", metavar="CODE", multiple=True, help="Only this product's; repeat it.")
@click.option("--customer", "customers", metavar="CODE", multiple=True, help="Only this customer's; repeat it.")
@settings_command
def infer(
    settings: Settings, since: int | None, until: int | None, products: tuple[str, ...], customers: tuple[str, ...]
) -> None:
    """Print a plan that accepts the events which are stored.

    For a start without a plan: run the service with plan_mode open, which takes events as they come, send some of
    every type, and write the plan from them. Columns are named by what their values look like; the comments count
    what was seen. Look through it before you use it. The service must be running.

    \b
    Examples:
      footfall --set plan_mode=open serve
      footfall plan infer > plan.toml
      footfall plan infer --product SHOP --from 7d
    """
    history = history_range(
        settings, min(0, settings.timestamp_min_ms) if since is None else since, until, customers, products
    )
    found = _infer(settings, history)
    text = write_inferred(found)
    parse_plan(text.encode(), "the inferred plan")
    click.echo(text, nl=False)
    types = sum(len(product.types) for product in found.products)
    click.echo(
        f"from {count_of(found.events, 'event')}: products {len(found.products)}, types {types}",
        err=True,
    )
    if found.left_out:
        left = sum(events for *_, events in found.left_out)
        click.echo(
            f"left out, because no plan can have them: {count_of(len(found.left_out), 'type')} with "
            f"{count_of(left, 'event')}, which a check against the history names; see the end",
            err=True,
        )


def _infer(settings: Settings, history: "HistoryRange") -> Inferred:
    from footfall.quarantine import read_history  # noqa: PLC0415

    try:
        known = load_plan(plan_path(settings))
    except PlanInvalid:
        # It would only give names to columns.
        known = load_plan(None)
    inference = Inference(settings, known)
    try:
        with open_history(settings) as (store, seen):
            for block in read_history(store, history, seen):
                inference.add(block)
    except TooManyTypes as error:
        raise click.ClickException(plain(str(error))) from error
    found = inference.result()
    _require_all(found, history, settings)
    return found


def _require_all(found: Inferred, history: "HistoryRange", settings: Settings) -> None:
    """End the command when a product or customer that was asked for has no event, or nothing is left for a plan."""
    products = {product.name for product in found.products} | {product for product, *_ in found.left_out}
    missing = [f"product {product}" for product in history.products if product not in products]
    missing += [f"customer {each}" for each in history.customers if each not in (found.customers or history.customers)]
    if missing:
        raise click.ClickException(f"the store has no event in that time of {', '.join(missing)}")
    if not found.events:
        how = "and wait a second" if settings.plan_mode == "open" else "with plan_mode open"
        raise click.ClickException(f"the store has no such event: send some first, {how}")
    if not found.products:
        raise click.ClickException("no plan can have the types that were seen: they have more values, or other names")
