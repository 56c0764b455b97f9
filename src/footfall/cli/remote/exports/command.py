"""`footfall import`: the events of other products, from their exports, each exactly once."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
from footfall_client.service import BlockingClient
from footfall_client.usage_calls import plan as ask_for_plan

from footfall.cli.output import WholeNumber, chosen_zone
from footfall.cli.remote.connecting import RemoteService, service_command
from footfall.cli.remote.display import LiveLine
from footfall.cli.remote.event_rows import FileRow
from footfall.cli.remote.exports.formats import FORMATS
from footfall.cli.remote.exports.mapping import read_mapping
from footfall.cli.remote.exports.records import records
from footfall.cli.remote.exports.translation import Translator
from footfall.cli.remote.exports.trial import tell_trial, try_file
from footfall.cli.remote.send import SOME_REFUSED, send_all
from footfall.cli.remote.sending_options import SendingOptions, sending_options

_SHOWN_MAX: Final = 1_000


@click.command("import")
@click.argument("source", type=click.Choice(tuple(FORMATS)), metavar="PRODUCT")
@click.argument("names", metavar="FILE...", nargs=-1, required=True)
@click.option("--mapping", "place", type=click.Path(path_type=Path, dir_okay=False), help="What names are in the plan.")
@click.option("--customer", metavar="CODE", help="The customer of all events of sites that the mapping does not name.")
@click.option("--product", metavar="CODE", help="The product of all events of sites that the mapping does not name.")
@click.option("--dry-run", is_flag=True, help="Show the first events and what would be refused; send nothing.")
@click.option("--show", type=WholeNumber(_SHOWN_MAX), default=10, metavar="N", help="Events that --dry-run shows; 10.")
@click.option("--anew", is_flag=True, help="From the start of the files, whatever was sent before.")
@sending_options
@service_command
def import_(
    service: RemoteService,
    source: str,
    names: tuple[str, ...],
    place: Path | None,
    customer: str | None,
    product: str | None,
    dry_run: bool,
    show: int,
    how: SendingOptions,
    anew: bool,
) -> None:
    """Import events from an export of posthog, goatcounter, umami, plausible, snowplow or matomo; - is standard input.

    Names become types of the tracking plan, and fields keys of its context, by what is known of the format and by the
    mapping, a TOML file. Files may be .gz or .zst. As with `footfall send`, the same command goes on where it was
    stopped, each event counts once, and what is refused is kept in FILE.rejects.jsonl with the reason.

    \b
    Examples:
      footfall import umami --customer ACME --product SHOP --dry-run events.csv
      footfall import posthog --mapping posthog.toml events.jsonl.gz
    """
    service.require_auth()
    mapping = read_mapping(source, place, customer, product)
    with BlockingClient(service.url, service.auth) as client:
        translator = Translator(mapping, client.run(ask_for_plan()), chosen_zone())

    def rows(lines: Iterable[bytes]) -> Iterable[FileRow]:
        return translator.rows(records(lines, source))

    if dry_run:
        refused = 0
        for name in names:
            with LiveLine(quiet=how.quiet) as line:
                trial = try_file(name, rows, show, line)
            tell_trial(trial, as_json=how.as_json)
            refused += trial.refused
        if refused:
            raise SystemExit(SOME_REFUSED)
        return
    # Not of the mapping: with another one, an import that was stopped goes on, and sends nothing twice.
    signature = hashlib.sha256(f"import\0{source}".encode()).digest()
    send_all(service, [how.sending(name, rows, signature, anew=anew) for name in names], how)
