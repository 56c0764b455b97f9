"""`footfall send`: events from files to a service, each exactly once, however often the command is stopped."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any, Final

import click
import msgspec
from footfall_client.factory import EventFactory
from footfall_client.service import BlockingClient
from footfall_client.usage_calls import plan as ask_for_plan

from footfall.cli.failures import Interrupted
from footfall.cli.output import chosen_zone
from footfall.cli.remote.connecting import RemoteService, service_command
from footfall.cli.remote.delivery import CannotDeliver, Delivery, headers_of
from footfall.cli.remote.display import LiveLine
from footfall.cli.remote.event_files import STDIN
from footfall.cli.remote.event_rows import ByPlan, Defaults, FileRow, csv_rows, json_rows
from footfall.cli.remote.sending import MakeRows, Outcome, Sending, send_file, told
from footfall.cli.remote.sending_options import SendingOptions, sending_options
from footfall.wording import plain

# The exit code when all was sent that can be, and some was refused.
SOME_REFUSED: Final = 4


@click.command()
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--format",
    "kind",
    type=click.Choice(("json", "csv")),
    help="What the files are; by their names when not said, and JSON lines on standard input.",
)
@click.option("--customer", metavar="CODE", help="The customer of events that name none.")
@click.option("--product", metavar="CODE", help="The product of events that name none.")
@click.option("--type", "type_", metavar="CODE", help="The type of events that name none.")
@click.option("--event-version", metavar="TEXT", help="The version of events that name none.")
@click.option("--context", metavar="COLUMN,...", help="The columns of a CSV file that are the context, in order.")
@click.option("--delimiter", metavar="CHARACTER", help="Between the cells of a CSV file; found when not said.")
@click.option("--anew", is_flag=True, help="From the start of the files, whatever was sent before; it counts once.")
@sending_options
@service_command
def send(
    service: RemoteService,
    names: tuple[str, ...],
    kind: str | None,
    how: SendingOptions,
    anew: bool,
    **columns: str | None,
) -> None:
    """Send events from files, JSON lines or CSV with a header, also as .gz or .zst; - is standard input.

    Stop it with Ctrl-C, kill it, lose the network: the same command goes on where it was, and each event counts once.
    A file is cut into the same requests, with the same keys, whenever it is sent. What the service refuses is written
    to FILE.rejects.jsonl with the reason; mended, that file can be sent.

    \b
    Examples:
      footfall send events.jsonl.zst
      footfall send --customer ACME --product SHOP orders.csv
      zstdcat archive/*.zst | footfall send -
      footfall send new/*.jsonl --json | jq .sent
    """
    if columns["delimiter"] and len(columns["delimiter"]) != 1:
        raise click.UsageError("a delimiter is one character")
    defaults = Defaults(
        customer=columns["customer"] or "",
        product=columns["product"] or "",
        type=columns["type_"] or "",
        version=columns["event_version"] or "",
        context=tuple(name.strip() for name in (columns["context"] or "").split(",") if name.strip()),
        delimiter=columns["delimiter"] or "",
        zone=chosen_zone(),
    )
    by_plan = cache(partial(_by_plan, service))
    sendings = []
    for name in names:
        rows, signature = _rows(name, kind, defaults, by_plan)
        sendings.append(how.sending(name, rows, signature, anew=anew))
    send_all(service, sendings, how)


def send_all(service: RemoteService, sendings: list[Sending], how: SendingOptions) -> None:
    """Send files one after the other, and say of each what became of it; ends the command with its exit code."""
    refused = 0
    for sending in sendings:
        delivery = Delivery(
            service.url,
            headers_of(service.auth),
            sending.connections,
            give_up_s=how.give_up,
            compress=not service.is_local,
        )
        with LiveLine(quiet=how.quiet) as line, delivery:
            try:
                outcome = send_file(sending, service.url, delivery, line)
            except CannotDeliver as error:
                raise click.ClickException(
                    f"{plain(str(error))}; the same command goes on from where it was"
                ) from error
        _tell(outcome, as_json=how.as_json, quiet=how.quiet)
        refused += outcome.refused
        if not outcome.is_whole:
            raise Interrupted
    if refused:
        raise SystemExit(SOME_REFUSED)


def _tell(outcome: Outcome, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(outcome))
    elif not quiet:
        click.echo(told(outcome))
        if not outcome.is_whole:
            click.echo("the same command goes on from there")


def _rows(name: str, kind: str | None, defaults: Defaults, by_plan: Callable[[], ByPlan]) -> tuple[MakeRows, bytes]:
    """What makes the rows of a file, and a text that says how."""
    if kind is None:
        unpacked = name.lower().removesuffix(".gz").removesuffix(".zst")
        kind = "csv" if name != STDIN and unpacked.endswith((".csv", ".tsv")) else "json"
    told = (kind, *(str(getattr(defaults, field)) for field in Defaults.__struct_fields__))
    signature = hashlib.sha256("\0".join(told).encode("utf-8", "surrogateescape")).digest()

    def rows(lines: Iterable[bytes]) -> Iterable[FileRow]:
        return json_rows(lines, defaults) if kind == "json" else csv_rows(lines, defaults, by_plan)

    return rows, signature


def _by_plan(service: RemoteService) -> ByPlan:
    """Makes events by the names of the service's tracking plan."""
    service.require_auth()
    with BlockingClient(service.url, service.auth) as client:
        factory = EventFactory(client.run(ask_for_plan()))

    def make(event: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
        made = factory.make(event.get("type", ""), values, product=event.get("product"), customer=event.get("customer"))
        return {**event, **made}

    return make
