"""`footfall export-person`: everything that is kept of a person, for whoever asks for their data."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import msgspec

from footfall.cli.context import data_command, require_told
from footfall.cli.failures import Problems, tell_store_error
from footfall.cli.opening import open_state
from footfall.service import composition
from footfall.settings import Settings
from footfall.wording import count_of, moment

if TYPE_CHECKING:
    from footfall.privacy import PersonalEvent


@click.command("export-person")
@click.option("--key", required=True, metavar="KEY", help="The context key that names people, such as userId.")
@click.option("--value", required=True, metavar="VALUE", help="The person's value of that key.")
@click.option("--customer", default="", metavar="CODE", help="Only events of this customer.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A new file, for its owner alone.")
@data_command()
def export_person(settings: Settings, key: str, value: str, customer: str, output: Path | None) -> None:
    """Write all events of a person as JSON lines, with the keys of the tracking plan.

    Events in quarantine are among them that have the value anywhere. Reports and backups that were made before have
    their own copies.

    \b
    Example:
      footfall export-person --key userId --value 8c1f --output 8c1f.jsonl
    """
    from footfall.plan import PlanInvalid  # noqa: PLC0415
    from footfall.privacy import PersonKey, find_personal_events  # noqa: PLC0415
    from footfall.store import StoreFailed, StoreTimeout, StoreUnavailable  # noqa: PLC0415

    require_told("state_url", "events_url")
    try:
        plan = composition.read_plan(settings)
    except PlanInvalid as error:
        raise Problems(str(error)) from error
    known = {column for product in plan.products for column in product.columns}
    if key not in known and not key.startswith("context"):
        raise click.ClickException(f"no product of the tracking plan has the key {key!r}: {', '.join(sorted(known))}")
    with open_state(settings) as state:
        loaded_ms = min((node.loaded_through_ms for node in state.nodes.all()), default=0)
    try:
        with composition.open_store(settings) as store:
            composition.wait_for_engine(settings, store)
            events = find_personal_events(store, settings, plan, PersonKey(key, value, customer), loaded_ms)
            written = _write(events, output)
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        raise click.ClickException(tell_store_error(error)) from error
    click.echo(f"{count_of(written, 'event')}, of those accepted up to {moment(loaded_ms)}", err=True)


def _write(events: Iterator["PersonalEvent"], output: Path | None) -> int:
    """Write the events as lines; how many there were. A file must be new."""
    if output is None:
        count = _write_lines(events, sys.stdout.buffer)
        sys.stdout.flush()
        return count
    try:
        with open(output, "xb", opener=_for_owner) as file:
            return _write_lines(events, file)
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from error


def _write_lines(events: Iterator["PersonalEvent"], file: BinaryIO) -> int:
    count = 0
    for event in events:
        file.write(msgspec.json.encode(event) + b"\n")
        count += 1
    return count


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
