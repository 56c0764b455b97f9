"""The commands: each is a module that is imported when it is called, so that none pays for the others.

Exit codes: 0 done, 1 refused or failed, 2 a command line that cannot be read, 4 some events refused, 78 settings that
cannot be used, 130 stopped by Ctrl-C.
"""

from collections.abc import Iterable
from pathlib import Path

import click

from footfall.cli.context import LazyGroup, read_pairs, take_settings

__all__ = ["main"]

# Command: where it is, and what the overview says of it.
_COMMANDS = {
    "serve": ("footfall.cli.run:serve", "Run the whole service."),
    "web": ("footfall.cli.run:web", "Run one web process alone."),
    "worker": ("footfall.cli.run:worker", "Run one worker alone."),
    "engine": ("footfall.cli.run:engine", "Run the embedded events engine alone."),
    "demo": ("footfall.cli.demo:demo", "Post made-up traffic to the service, for a first look."),
    "login": ("footfall.cli.remote.login:login", "Keep a service and credentials for the commands that speak to it."),
    "logout": ("footfall.cli.remote.login:logout", "Forget them."),
    "send": ("footfall.cli.remote.send:send", "Send events from files, each exactly once."),
    "import": ("footfall.cli.remote.exports.command:import_", "Import events from exports of other products."),
    "report": ("footfall.cli.remote.report:report", "Start a report, wait for it, and download its file."),
    "stats": ("footfall.cli.remote.stats:stats", "Show statistics as tables and small charts, or as files."),
    "tail": ("footfall.cli.remote.tail:tail", "Show events while they are accepted."),
    "mcp": ("footfall.cli.remote.mcp:mcp", "Serve statistics to a language model's client, as tools that only read."),
    "user": ("footfall.cli.user:user", "Add, list, change and remove users."),
    "key": ("footfall.cli.key:key", "Add, list, rotate and revoke the keys with which programs sign in."),
    "audit": ("footfall.cli.audit:audit", "List, verify and export who did what."),
    "schedule": ("footfall.cli.schedule:schedule", "Make reports come by themselves: each hour, day, week or month."),
    "plan": ("footfall.cli.plan:plan", "Write, show and check the tracking plan."),
    "quarantine": ("footfall.cli.quarantine:quarantine", "Look at events that broke the plan, release or drop them."),
    "export-person": (
        "footfall.cli.person:export_person",
        "Write all events of a person, for whoever asks for theirs.",
    ),
    "erase": ("footfall.cli.erase:erase", "Erase a person everywhere, and keep them away."),
    "erasures": ("footfall.cli.erase:erasures", "List the erasures of persons, and show their receipts."),
    "retention": ("footfall.cli.retention:retention", "Show for how long events are kept, and what goes."),
    "backup": ("footfall.cli.backup:backup", "Copy everything to a folder or an object store, while the service runs."),
    "restore": ("footfall.cli.backup:restore", "Bring a backup back on an empty machine."),
    "upgrade": ("footfall.cli.upgrade:upgrade", "Say what this version changes in the data, copy them, upgrade them."),
    "doctor": ("footfall.cli.doctor:doctor", "Look at this node, say what is wrong and how to mend it."),
    "alerts": ("footfall.cli.alerts:alerts", "Try the receiver of alerts."),
    "verify": ("footfall.cli.verify:verify", "Check that nothing was lost, while the service runs."),
    "rebuild": ("footfall.cli.verify:rebuild", "Make the table of events anew from the archive."),
    "journal": ("footfall.cli.journal:journal", "Look at the segments on this node's disk, and repair them."),
    "settings": ("footfall.cli.run:settings", "Show the settings in force and where each comes from."),
    "completion": ("footfall.cli.run:completion", "Print a script with which a shell completes commands and options."),
}


def _pairs(_context: click.Context, _option: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    return read_pairs(values)


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="footfall", message="footfall %(version)s")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file with settings. Else what FOOTFALL_CONFIG names, or ./footfall.toml where there is one.",
)
@click.option(
    "--set",
    "pairs",
    metavar="KEY=VALUE",
    multiple=True,
    callback=_pairs,
    help="Set one setting, over the file and the environment. May be given again and again.",
)
@click.option(
    "--data-dir", metavar="FOLDER", help="Folder for everything that is kept on this machine; also after the command."
)
@click.pass_context
def main(context: click.Context, config: Path | None, pairs: dict[str, str], data_dir: str | None) -> None:
    """Collect usage events durably, count each once, report them completely.

    Settings come from the file, then the environment (FOOTFALL_PORT=9000), then --set and the commands' own options:
    the later goes over the earlier.

    \b
    Examples:
      footfall serve
      footfall --config /etc/footfall.toml serve --port 9000
      footfall --set plan_mode=open serve
      footfall settings
    """
    take_settings(context, config, pairs, data_dir)
