"""Every command of the program, as a line that would change or read the most; and how tests give one."""

from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner, Result

from footfall.cli import main

USES_NO_DATA = {
    "alerts test": "a receiver alone is told",
    "completion bash": "a script is printed",
    "backup --verify PLACE": "the backup's place alone is read",
    "import umami export.csv": "a service alone is asked",
    "login https://localhost:9 --user ada": "a service alone is asked",
    "logout": "profiles alone are changed",
    "mcp": "a service alone is asked",
    "plan check plan.toml": "a file of the plan alone is read",
    "plan generate python": "the plan alone is read",
    "plan init": "a file of the plan alone is written",
    "plan show": "the plan alone is read",
    "report --customer ACME --product WEB": "a service alone is asked",
    "send plan.toml": "a service alone is asked",
    "stats counts": "a service alone is asked",
    "settings": "the settings alone are read",
    "tail": "a service alone is asked",
}
# Every other command, as it would change or read the most.
COMMANDS = (
    "audit export",
    "audit list",
    "audit verify",
    "backup PLACE",
    "demo --live",
    "doctor",
    "engine",
    "erase --key userId --value 8c1f --yes",
    "erasures",
    "export-person --key userId --value 8c1f",
    "journal cat some.zst",
    "journal ls",
    "journal repair some.zst",
    "key add anna --name export --scope read",
    "key list",
    "key revoke k3v9x2m7qd",
    "key rotate k3v9x2m7qd",
    "plan check plan.toml --against-history 30d",
    "plan infer",
    "plan refused",
    "quarantine drop --all --yes",
    "quarantine list",
    "quarantine release --all",
    "quarantine show e2d04b89-972d-4a0a-b0ee-427bef63a8d0/3",
    "rebuild",
    "restore PLACE",
    "retention",
    "schedule add --user anna --customer TGAM --product ALERT --every day --new",
    "schedule list",
    "schedule pause some",
    "schedule remove some",
    "schedule resume some",
    "schedule runs some",
    "schedule show some",
    "serve",
    "upgrade --no-copy",
    "user add anna --admin",
    "user change anna --admin",
    "user drop-code anna",
    "user grant anna --customer TGAM --new",
    "user link anna 248289761001",
    "user list",
    "user password anna",
    "user remove anna",
    "user revoke anna --customer TGAM",
    "user sign-out anna",
    "user unlink anna",
    "verify",
    "web",
    "worker",
)


def run(line: str, data: Path) -> Result:
    """Give the line, beside no other variables of footfall; what it does not expect is raised."""
    beside = data.absolute().parent
    environment = {"FOOTFALL_DATA_DIR": str(data)}
    environment |= {f"XDG_{kind}_HOME": str(beside / kind.lower()) for kind in ("CONFIG", "STATE")}
    options = {"env": environment, "input": "a long password\n", "prog_name": "footfall", "catch_exceptions": False}
    return CliRunner().invoke(main, line.split(), **options)


def names(command: click.Command, words: tuple[str, ...], context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield " ".join(words)
        return
    for word in command.list_commands(context):
        inner = command.get_command(context, word)
        assert inner is not None
        yield from names(inner, (*words, word), context)
