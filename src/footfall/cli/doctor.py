"""`footfall doctor`: what is wrong with this node, and how to mend it."""

import sys
from typing import Final

import click
import msgspec

from footfall.cli.context import Needs, data_command, loaded, untold
from footfall.cli.tables import echo_text
from footfall.settings import Settings
from footfall.system.clock import SystemClock
from footfall.system.data_folder import is_served
from footfall.wording import count_of, plain

# Where the words begin that stand behind the severity and the area.
_INDENT: Final = 22


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.option("--quiet", is_flag=True, help="Only what is to be mended.")
@data_command(Needs.LOOK)
def doctor(settings: Settings, as_json: bool, quiet: bool) -> None:
    """Look at this node, whether its service runs or not, say what is wrong and how to mend it, and change nothing.

    Settings, permissions, disk, clock, versions, plan, certificate, service, port, state, journal, engine, store,
    report files and backups are looked at. The exit code is 1 where there is a fault; warnings leave it 0. Run it as
    the user of the service.

    \b
    Examples:
      footfall doctor
      footfall doctor --quiet
      footfall doctor --json | jq '.results[] | select(.severity == "fault")'
    """
    from footfall.doctor import NodeToCheck, Severity, examine_node  # noqa: PLC0415 - all three stores' libraries

    node = NodeToCheck(
        settings=settings,
        clock=SystemClock(),
        is_served=is_served(settings),
        config=loaded(click.get_current_context()).file,
        withheld=tuple(untold("state_url", "events_url", "files_url")),
    )
    results = []
    for result in examine_node(node):
        results.append(result)
        if not as_json and not (quiet and result.severity is Severity.OK):
            echo_text(plain(f"{result.severity.value:<8}{result.area:<14}{result.text}"), _INDENT)
            if result.remedy:
                echo_text(plain(f"{'':<{_INDENT}}-> {result.remedy}"), _INDENT + 3)
    counts = {kind: sum(one.severity is kind for one in results) for kind in Severity}
    faults, warnings = counts[Severity.FAULT], counts[Severity.WARNING]
    if as_json:
        told = {"faults": faults, "warnings": warnings, "results": msgspec.to_builtins(results)}
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    elif not faults and not quiet:
        click.echo(f"no fault, {count_of(warnings, 'warning')}")
    if faults:
        click.echo(f"Error: {count_of(faults, 'fault')}, {count_of(warnings, 'warning')}", err=True)
        sys.exit(1)
