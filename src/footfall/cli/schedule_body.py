"""What `footfall schedule add` takes for the reports of a schedule, and the body of `POST /schedules` that it makes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from footfall.cli.context import AnyFunction, read_pairs
from footfall.cli.failures import Problems
from footfall.plan import PlanInvalid
from footfall.service import composition
from footfall.settings import Settings
from footfall.state import State
from footfall.usage import EVERY
from footfall.views import Views


def _pairs(_context: click.Context, _option: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    return read_pairs(values, ", such as header=true")


def report_options(command: AnyFunction) -> AnyFunction:
    """The options that say what each report is."""
    for option in reversed(
        (
            click.option(
                "--view",
                metavar="NAME",
                help="What a saved view of the owner selects now, by its name or id; options beside it go before it.",
            ),
            click.option(
                "--customer",
                "customers",
                multiple=True,
                metavar="CODE",
                help="The customer, whom the owner may see; repeat for more, or '*' for all whom the owner may see.",
            ),
            click.option(
                "--product",
                "products",
                multiple=True,
                metavar="CODE",
                help="The product; repeat for more, or '*' for all.",
            ),
            click.option(
                "--type",
                "types",
                multiple=True,
                metavar="CODE",
                help="Only this type, or those that begin so with a * behind; repeat for more.",
            ),
            click.option(
                "--version", "versions", multiple=True, metavar="TEXT", help="Only this version; repeat for more."
            ),
            click.option(
                "--where",
                multiple=True,
                metavar="KEY:is:VALUE",
                help="Only where a context key is so: is, is-not, one-of, contains, empty, not-empty; repeat for more.",
            ),
            click.option("--duplicates", type=click.Choice(["keep", "drop"]), help="Whether they are in the file."),
            click.option(
                "--output",
                multiple=True,
                callback=_pairs,
                metavar="KEY=VALUE",
                help="What a report's output may have: header=true, bucketName=NAME; repeat for more.",
            ),
        )
    ):
        command = option(command)
    return command


def schedule_body(given: dict[str, Any]) -> dict[str, Any]:
    """The body of `POST /schedules` that the options say. Raises UsageError where they say no customer or product."""
    for kind in ("customer", "product"):
        if not (given[f"{kind}s"] or given["view"]):
            raise click.UsageError(f"Missing option '--{kind}', or '--view'.")
    lists = {name: list(given[name]) for name in ("types", "versions", "where") if given[name]}
    wanted = {**_scope("customer", given["customers"]), **_scope("product", given["products"]), **lists}
    body = {
        "view": given["view"],
        "name": given["name"],
        "every": given["every"],
        "timezone": given["timezone"],
        "graceSeconds": given["grace"],
        "correctionDays": given["corrections"],
        "correction": given["correction"],
        "from": given["start"],
        "filter": wanted,
        "duplicates": given["duplicates"],
        "output": given["output"] or None,
    }
    # What is not said is left out, so that a view says it.
    return {name: value for name, value in body.items() if value is not None}


def _scope(kind: str, names: tuple[str, ...]) -> dict[str, Any]:
    """One customer or product as such; several, and all, as a list; of none, nothing."""
    if not names:
        return {}
    return {kind: names[0]} if len(names) == 1 and names[0] != EVERY else {f"{kind}s": list(names)}


@contextmanager
def open_views(settings: Settings, state: State) -> Iterator[Views]:
    """The saved views, which know the tracking plan; the store is not asked."""
    try:
        plan = composition.live_plan(settings)
    except PlanInvalid as error:
        raise Problems(str(error)) from error
    with composition.open_views(plan, state, settings) as views:
        yield views
