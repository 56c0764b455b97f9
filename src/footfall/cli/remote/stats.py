"""`footfall stats`: the statistics of a service as tables and small charts, or as the files that it makes of them."""

import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from footfall_client.clients import UsageClient

from footfall.cli.context import read_pairs
from footfall.cli.remote.connecting import RemoteService, service_command
from footfall.cli.remote.selection import ChosenEvents, selection_options
from footfall.cli.remote.statistic_tables import statistic_lines
from footfall.cli.tables import echo_text
from footfall.wording import plain

_STATISTICS: Final = ("counts", "summary", "uniques", "funnel", "retention", "top", "compare", "paths", "types")
_FORMATS: Final = ("table", "json", "csv", "arrow", "vega", "svg", "png")
_SUFFIXES: Final = {".json": "json", ".csv": "csv", ".arrow": "arrow", ".svg": "svg", ".png": "png"}
_BINARY: Final = ("arrow", "png")
_SEVERAL: Final = ("by", "step")


@click.command()
@click.argument("statistic", type=click.Choice(_STATISTICS), metavar="STATISTIC")
@selection_options
@click.option("--interval", type=click.Choice(("minute", "hour", "day", "week", "month", "all")), help="Of a row.")
@click.option("--by", metavar="NAME", multiple=True, help="type, product, customer, version or a context key.")
@click.option("--key", metavar="KEY", help="The context key whose values are counted instead of actors.")
@click.option("--top", metavar="N", help="So many values; all others are counted together.")
@click.option("--compare", type=click.Choice(("previous", "year")), help="With the time before, or a year before.")
@click.option("--step", metavar="TYPE", multiple=True, help="A step of a funnel; repeat for the next ones.")
@click.option("--window", metavar="TIME", help="From the first step of a funnel to its last: 30m, 12h, 7d.")
@click.option("--as-of", "asOf", metavar="TIME", help="Events that were admitted up to then.")
@click.option(
    "--parameter",
    "others",
    metavar="NAME=VALUE",
    multiple=True,
    help="What else the call takes, such as periods=12, rolling=30 or type=ORDER-PLACED; repeat for more.",
)
@click.option("--format", "kind", type=click.Choice(_FORMATS), help="A table when not said, or by the name of --to.")
@click.option("--to", "place", metavar="FILE", help="Write it into this file.")
@click.option("--json", "as_json", is_flag=True, help="The answer of the service; the same as --format json.")
@service_command
def stats(
    service: RemoteService,
    statistic: str,
    selection: ChosenEvents,
    others: tuple[str, ...],
    kind: str | None,
    place: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Show a statistic: counts, summary, uniques, funnel, retention, top, compare, paths or types.

    Numbers are those of the calls under /usage/, with the same asOf. Without --customer and --product, they are of all
    that the user may see. counts are of all types together, unless --by says otherwise.

    \b
    Examples:
      footfall stats counts --last 30d --zone Europe/Berlin
      footfall stats summary --product SHOP --last month --compare previous
      footfall stats funnel --product SHOP --step SHOP-OPENED --step ORDER-PLACED
      footfall stats retention --product SHOP --parameter periods=12
      footfall stats counts --by product --interval week --to weeks.svg
    """
    service.require_auth()
    wanted = _format(kind, place, as_json=as_json)
    if place is None and wanted in _BINARY and sys.stdout.isatty():
        raise click.UsageError(f"{wanted} is no text for a terminal: say --to FILE")
    parameters = {**_defaults(statistic, selection), **selection.usage_parameters()}
    parameters |= {name: value for name, value in given.items() if value not in (None, ())}
    parameters |= read_pairs(others, ", such as periods=12")
    parameters["format"] = "json" if wanted == "table" else wanted
    with UsageClient(service.url, service.auth) as client:
        answer = client.answer(statistic, **parameters)
    if warning := answer.headers.get("footfall-warning"):
        click.echo(f"warning: {plain(warning)}", err=True)
    if wanted == "table":
        _show(statistic, answer.body, place)
    elif place is not None:
        Path(place).write_bytes(answer.body)
    else:
        _print(answer.body, is_text=wanted not in _BINARY)


def _format(kind: str | None, place: str | None, *, as_json: bool) -> str:
    """What is wanted: by its own option, or by the name of the file."""
    if as_json:
        if kind not in (None, "json"):
            raise click.UsageError(f"--json or --format {kind}: say one of them")
        return "json"
    return kind or _SUFFIXES.get(Path(place or "").suffix.lower(), "table")


def _defaults(statistic: str, selection: ChosenEvents) -> dict[str, Any]:
    """What fits a terminal, where neither an option nor a view says otherwise."""
    return {"by": ("none",)} if statistic == "counts" and not selection.view else {}


def _show(statistic: str, body: bytes, place: str | None) -> None:
    try:
        lines = list(statistic_lines(statistic, msgspec.json.decode(body)))
    except (msgspec.DecodeError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        text = "the answer is none that this footfall can show: is the address that of a service? --json shows it"
        raise click.ClickException(text) from error
    if place is None:
        for line in map(plain, lines):
            click.echo(line) if line.startswith(" ") else echo_text(line, 2)
    else:
        Path(place).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _print(body: bytes, *, is_text: bool) -> None:
    """The answer as it came; on a terminal without what would control it."""
    if is_text and sys.stdout.isatty():
        for line in body.decode().splitlines():
            click.echo(plain(line))
        return
    sys.stdout.buffer.write(body)
    if is_text and not body.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
