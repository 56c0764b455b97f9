"""`footfall report`: a report from its start to its file, checked, on any machine."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from footfall_client.clients import ReportClient
from footfall_client.report_calls import Report
from footfall_client.transport import Unreachable
from msgspec import Struct

from footfall.cli.context import read_pairs
from footfall.cli.failures import program_name
from footfall.cli.remote.connecting import RemoteService, service_command
from footfall.cli.remote.display import LiveLine, bar, size
from footfall.cli.remote.event_files import STDIN as STDOUT
from footfall.cli.remote.selection import ChosenEvents, selection_options
from footfall.cli.tables import echo_text
from footfall.wording import plain

_FORMATS: Final = ("csv", "jsonl", "parquet", "arrow", "xlsx")
# The service says itself when a report has taken too long.
_WAIT_S: Final = 7 * 86_400.0
_JSON_WORDS: Final = ("true", "false", "null")


class ReportFile(Struct, frozen=True, omit_defaults=True):
    """What was made: the number of events, and a file that has been checked, in bytes."""

    source: str
    status: str
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    file: str = ""


@click.command()
@click.argument("source", required=False)
@selection_options
@click.option("--format", "kind", type=click.Choice(_FORMATS), help="Of the file; csv when not said.")
@click.option(
    "--output",
    "output",
    metavar="KEY=VALUE",
    multiple=True,
    help="What else a report's output may have: delimiter=, or compression=gzip; repeat for more.",
)
@click.option("--to", "place", metavar="PLACE", default=".", help="The file or folder; - is standard output.")
@click.option("--no-wait", is_flag=True, help="Start it, print its source, and be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.option("--quiet", is_flag=True, help="Say nothing but what went wrong.")
@service_command
def report(
    service: RemoteService,
    source: str | None,
    selection: ChosenEvents,
    kind: str | None,
    output: tuple[str, ...],
    place: str,
    no_wait: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Start a report, wait for it, and download its file, whose SHA-256 has to be the service's.

    Stop it with Ctrl-C or lose the network: the report goes on at the service. With its SOURCE, the command waits for
    a report that was started before, and goes on with a download that broke.

    \b
    Examples:
      footfall report --customer ACME --product SHOP --last 7d
      footfall report --customer '*' --product SHOP --format xlsx \\
          --start 2026-11-01 --end 2026-11-30 --zone Europe/Berlin
      footfall report --view 'by type' --format parquet --to nov.parquet
      footfall report JOB-5a49a3e2-7efb-4fbf-9280-891724be66ed
    """
    service.require_auth()
    with ReportClient(service.url, service.auth) as client, LiveLine(quiet=quiet or as_json) as line:
        if source is None:
            asked = _output(kind, output)
            if not selection.view and not (selection.customers and selection.products):
                raise click.UsageError("say --customer and --product, or --view, or the SOURCE of an earlier report")
            begun = client.start_as(selection.report_body(asked))
            _warn(begun)
        elif selection != ChosenEvents() or kind or output:
            raise click.UsageError("a report that was started before is what it is: say its SOURCE alone")
        else:
            begun = client.status(source)
        if no_wait:
            click.echo(begun.source if not as_json else msgspec.json.encode(ReportFile(begun.source, begun.status)))
            return
        with _told_how_to_go_on(begun.source, line):
            made = client.wait(begun.source, timeout_s=_WAIT_S, on_progress=lambda now: line.show(_progress(now)))
            found = _download(client, made, place, line)
        line.clear()
        _tell(found, is_shown=not quiet and place != STDOUT, as_json=as_json)


def _output(kind: str | None, given: tuple[str, ...]) -> dict[str, Any]:
    """The output of the body; words that are JSON are taken as such, and CSV has a header if nothing else is said."""
    pairs: dict[str, Any] = {}
    for name, value in read_pairs(given, ", such as delimiter=;").items():
        pairs[name] = msgspec.json.decode(value) if value in _JSON_WORDS or value.isdecimal() else value
    if kind is not None:
        pairs["format"] = kind
    if str(pairs.get("format", "csv")).lower() == "csv":
        pairs.setdefault("header", True)
    return pairs


def _download(client: ReportClient, made: Report, place: str, line: LiveLine) -> ReportFile:
    """Download the file to its place, or by way of a folder to standard output, which gets checked bytes alone."""

    def show(there: int, size_bytes: int) -> None:
        if line.is_due:
            line.show(f"{bar(there / max(size_bytes, 1))} downloaded {size(there)} of {size(size_bytes)}")

    told = client.manifest(made.source)
    found = ReportFile(made.source, made.status, told["rows"]["total"], told["bytes"], told["sha256"])
    if place != STDOUT:
        saved = client.download(made.source, place, on_bytes=show)
        return msgspec.structs.replace(found, file=str(saved))
    with tempfile.TemporaryDirectory(prefix="footfall-") as folder:
        saved = client.download(made.source, Path(folder) / "report", on_bytes=show)
        line.clear()
        with saved.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
        sys.stdout.buffer.flush()
    return found


@contextlib.contextmanager
def _told_how_to_go_on(source: str, line: LiveLine) -> Iterator[None]:
    """Say how to come back to the report when the command ends before its file is there."""
    try:
        yield
    except (KeyboardInterrupt, Unreachable):
        line.say(f"the report is the service's work and goes on: `{program_name()} report {source}` waits for it")
        raise


def _warn(begun: Report) -> None:
    if begun.warnings:
        click.echo(f"warning: {plain(begun.warnings)}", err=True)


def _progress(now: Report) -> str:
    done = f"{now.rows:,} events, {size(now.bytes)}" if now.rows else "waiting for its first events"
    return f"{bar(now.progress)} {done}"


def _tell(found: ReportFile, *, is_shown: bool, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found), err=not found.file)
    elif is_shown:
        name = plain(click.format_filename(found.file))
        echo_text(f"{name}: {found.rows:,} events, {size(found.bytes)}, SHA-256 {found.sha256}", 2)
