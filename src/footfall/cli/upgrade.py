"""`footfall upgrade`: what this version changes in the data of an earlier one, a copy as the way back, the upgrade."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from footfall.cli.auditing import audited
from footfall.cli.backup import plain_errors, readable
from footfall.cli.context import data_command, require_told
from footfall.cli.opening import open_state
from footfall.service.upgrading import (
    CannotUpgrade,
    UpgradePlan,
    copy_data,
    examine,
    require_stopped,
    upgrade_data,
)
from footfall.settings import Settings
from footfall.state import COPY_PREFIX
from footfall.store import StoreTooNew
from footfall.wording import count_of


@click.command()
@click.option("--check", is_flag=True, help="Say what the upgrade will do, and change nothing.")
@click.option("--copy-to", metavar="FOLDER", help="Copy the data folder there first, as the way back.")
@click.option("--no-copy", is_flag=True, help="Upgrade without a copy, because there is another way back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@data_command()
def upgrade(settings: Settings, check: bool, copy_to: str | None, no_copy: bool, as_json: bool) -> None:
    """Say what this version will do to the data of an earlier one, copy them as they are, and upgrade them.

    A start of the service upgrades the data too; this command does so beforehand, with a copy to go back to. The
    service must not run, but --check may be given beside it. Data of a later version are refused, with exit code 1.

    \b
    Examples:
      footfall upgrade --check
      footfall upgrade --copy-to /var/lib/footfall.before
    """
    if check + (copy_to is not None) + no_copy != 1:
        raise click.UsageError("give one of --check, --copy-to FOLDER and --no-copy")
    require_told("state_url", "events_url")
    with plain_errors():
        try:
            if not check:
                require_stopped(settings)
            plan = examine(settings)
            if check:
                _show(plan, as_json)
            else:
                _upgrade(settings, plan, copy_to=copy_to, as_json=as_json)
        except (CannotUpgrade, StoreTooNew) as error:
            raise click.ClickException(str(error)) from error


def _upgrade(settings: Settings, plan: UpgradePlan, *, copy_to: str | None, as_json: bool) -> None:
    written = 0 if copy_to is None else copy_data(settings, Path(copy_to))
    apply_changes(settings, copy_to=copy_to)
    if as_json:
        _print_json({**msgspec.to_builtins(plan), "copy": copy_to, "written": written})
        return
    if copy_to is not None:
        click.echo(f"copied to {copy_to}, {readable(written)}: the version before serves it with --data-dir {copy_to}")
    click.echo(f"upgraded with {count_of(len(plan.changes), 'change')}; footfall {plan.now.footfall} may be started")


@audited("data.upgrade")
def apply_changes(settings: Settings, *, copy_to: str | None) -> None:
    """Bring the data to this version, and note where a copy is."""
    upgrade_data(settings)
    if copy_to is not None:
        # An erasure names it, since it has everybody in it.
        with open_state(settings) as state:
            state.erasures.note_backup(COPY_PREFIX + str(Path(copy_to).absolute()))


def _show(plan: UpgradePlan, as_json: bool) -> None:
    if as_json:
        _print_json({**msgspec.to_builtins(plan), "needed": plan.is_needed})
        return
    for line in describe(plan):
        click.echo(line)


def _print_json(told: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(told)))


def describe(plan: UpgradePlan) -> Iterator[str]:
    """What an upgrade will do, line by line."""
    before = "a version that wrote no format" if plan.before is None else f"footfall {plan.before.footfall}"
    yield f"data      served last by {before}; this is footfall {plan.now.footfall}"
    for where in ("state", "store"):
        changes = [change for change in plan.changes if change.where == where]
        yield f"{where:<8}  {count_of(len(changes), 'change') if changes else 'as it is'}"
        for change in changes:
            yield f"  {change.number}    {change.title}"
    yield f"journal   format {plan.now.journal}; {count_of(plan.segments, 'segment')} not in the store yet"
    if plan.before is not None and plan.before.engine != plan.now.engine:
        yield f"engine    library {plan.before.engine or 'unknown'}, now {plan.now.engine or 'none'}"
    yield f"copy      {readable(plan.bytes)} to write; the data's disk has {readable(plan.free_bytes)} free"
    if not plan.is_needed:
        yield "verdict   nothing to upgrade: start this version"
    elif plan.is_served:
        yield "verdict   stop the service, then give --copy-to FOLDER"
    else:
        yield "verdict   give --copy-to FOLDER, then start this version"
