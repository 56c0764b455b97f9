"""What `footfall schedule add` takes for the reports of a schedule, and the body of `POST /schedules` that it makes."""

from collections.abc import Iterable
from typing import Any

import click

from footfall.cli.context import AnyFunction, read_pairs
from footfall.usage import EVERY


def _pairs(_context: click.Context, _option: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    return read_pairs(values, ", such as header=true")


def report_options(command: AnyFunction) -> AnyFunction:
    """The options that say what each report is."""
    for option in reversed(
        (
            click.option(
                "--customer",
                "customers",
                required=True,
                multiple=True,
                metavar="CODE",
                help="The customer, whom the owner may see; repeat for more, or '*' for all whom the owner may see.",
            ),
            click.option(
                "--product",
                "products",
                required=True,
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
    """The body of `POST /schedules` that the options say."""
    lists = {name: list(given[name]) for name in ("types", "versions", "where") if given[name]}
    wanted = {**_scope("customer", given["customers"]), **_scope("product", given["products"]), **lists}
    return {
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


def _scope(kind: str, names: tuple[str, ...]) -> dict[str, Any]:
    """One customer or product as such; several, and all, as a list."""
    return {kind: names[0]} if len(names) == 1 and names[0] != EVERY else {f"{kind}s": list(names)}
