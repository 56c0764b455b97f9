"""The command line: options reach the settings, problems are lines on standard error, small commands load little."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from footfall.cli import main
from footfall.cli.context import address_options, data_options
from footfall.settings import Settings
from footfall.settings.load import load


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=environment, catch_exceptions=False)


def value(name: str, *arguments: str, **environment: str) -> tuple[object, str]:
    result = run(*arguments, "settings", "--json", **environment)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)[name]
    return shown["value"], shown["source"]


def test_version_is_one_line() -> None:
    assert run("--version").output == f"footfall {version('footfall')}\n"


def test_the_overview_lists_every_command() -> None:
    overview = run("--help").output
    assert all(f"\n  {name} " in overview for name in main.list_commands(click.Context(main)))


def test_options_go_over_the_environment_and_that_over_the_file() -> None:
    file = Path("some.toml")
    file.write_text("port = 1\nenvironment = 'file'\nplan_mode = 'open'")
    options = ("--config", "some.toml", "--set", "port=3", "--set", "environment=a=b")
    assert value("port", *options, FOOTFALL_PORT="2") == (3, "flag")
    assert value("environment", *options) == ("a=b", "flag")
    assert value("port", "--config", "some.toml", FOOTFALL_PORT="2") == (2, "FOOTFALL_PORT")
    assert value("plan_mode", FOOTFALL_CONFIG="some.toml") == ("open", "some.toml")
    assert value("plan_mode") == ("strict", "default")


def test_settings_have_the_form_of_the_file_and_hide_passwords() -> None:
    result = run("--set", "events_url=clickhouse://user:hidden@host/db", "settings")
    assert "hidden" not in result.output
    values = tomllib.loads(result.output)
    assert values == {**structs.asdict(Settings()), "events_url": "clickhouse://user:***@host/db"}
    assert all("  # " in line for line in result.output.splitlines())


def test_rows_of_tables_are_shown_as_tables() -> None:
    given = """senders={"ACME": {"write_key": true}, "*": {"origins": ["https://a.example"]}}"""
    shown = {"ACME": {"write_key": True}, "*": {"write_key": False, "origins": ["https://a.example"]}}
    assert tomllib.loads(run("--set", given, "settings").output)["senders"] == shown
    assert value("senders", "--set", given) == (shown, "flag")


def test_settings_travel_through_the_environment_unchanged() -> None:
    values = structs.asdict(Settings(port=9, plan="a b.toml", cors_origins=""))
    environment = {f"FOOTFALL_{name.upper()}": str(one) for name, one in values.items()}
    assert structs.asdict(load(None, environment, {}).settings) == values


def test_bad_settings_end_every_command_with_all_problems_and_code_78() -> None:
    for command in (["settings"], ["plan", "show"], ["serve"], ["user", "list"]):
        result = run("--set", "prot=1", *command, FOOTFALL_PORT="x")
        assert result.exit_code == 78
        assert result.stdout == ""
        assert result.stderr.splitlines() == [
            "Error: --set prot: unknown setting; did you mean port?",
            "Error: FOOTFALL_PORT: expected an integer from 0 to 65535, got 'x'",
        ]


@pytest.mark.parametrize("command", [["settings"], ["plan"], ["plan", "check"], []])
def test_help_is_given_even_with_bad_settings(command: list[str]) -> None:
    result = run(*command, "--help", FOOTFALL_PORT="x")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


@pytest.mark.parametrize("arguments", [["--set", "port", "settings"], ["--set", "=1", "settings"], ["fly"], ["-x"]])
def test_a_line_that_cannot_be_read_ends_with_code_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_command_that_is_nearly_one_is_told_what_was_meant() -> None:
    found = run("serv")
    assert (found.exit_code, found.stderr.splitlines()[-1]) == (
        2,
        "Error: No such command 'serv'. Did you mean 'serve'?",
    )


def test_options_of_a_command_change_the_settings_that_it_gets() -> None:
    seen: list[Settings] = []

    @main.command("probe")
    @address_options
    @data_options
    @click.pass_obj
    def _probe(settings: Settings) -> None:
        seen.append(settings)

    try:
        assert run("--set", "port=1", "probe", "--port", "2", "--data-dir", "/x", FOOTFALL_HOST="::1").exit_code == 0
        assert run("probe", "--port", "x").exit_code == 78
    finally:
        del main.commands["probe"]
    assert [(one.port, one.data_dir, one.host) for one in seen] == [(2, "/x", "::1")]


PLAN = """
customers = ["ACME"]

[products.WEB]
columns = ["userId"]

[products.WEB.types]
WEB-OPENED = ["userId"]
"""


def test_plan_show_describes_the_packaged_plan_the_set_one_and_a_named_one() -> None:
    Path("plan.toml").write_text(PLAN)
    assert "PORTFOLIO-APPLICATION-LOADED" in run("plan", "show").output
    assert run("plan", "show", "plan.toml").output == run("--set", "plan=plan.toml", "plan", "show").output
    assert "WEB-OPENED" in run("plan", "show", "plan.toml").output


def test_plan_check_says_yes_or_names_every_problem_with_its_line() -> None:
    Path("plan.toml").write_text(PLAN)
    assert run("plan", "check", "plan.toml").exit_code == 0
    Path("plan.toml").write_text(PLAN.replace("[products.WEB.types]", "[products.WEB.typos]"))
    result = run("plan", "check", "plan.toml")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert all(line.startswith("Error: plan.toml:") for line in result.stderr.splitlines())
    assert run("plan", "check", "gone.toml").exit_code == 1


def test_plan_init_writes_a_plan_that_is_good_and_says_the_next_commands() -> None:
    given = ("--product", "SHOP", "--customer", "ACME", "--type", "OPENED", "--type", "ORDER=userId, sku, coupon?")
    result = run("plan", "init", "shop.toml", *given, FOOTFALL_PORT="9000")
    assert result.exit_code == 0
    assert "footfall plan check shop.toml" in result.stdout
    (event,) = re.findall(r"curl http://127.0.0.1:9000/events .* -d '(.*)'", result.stdout)
    assert json.loads(event)["events"][0] | {"timestamp": 0} == {
        "customer": "ACME", "product": "SHOP", "type": "OPENED", "timestamp": 0, "context": []
    }  # fmt: skip
    assert run("plan", "check", "shop.toml").exit_code == 0
    shown = run("plan", "show", "shop.toml").stdout
    assert all(text in shown for text in ("customers  ACME", "columns  userId, sku, coupon", "userId, sku, coupon?"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["there.toml", "--product", "A", "--type", "B"], 1, "there.toml exists already, and stays as it is"),
        (["--product", "A"], 2, "say --type; without a terminal"),
        (["--product", "A", "--type", "B=c?,d"], 2, "optional, and come last"),
        (["--product", "A", "--type", "B=c,c?"], 2, "a key is given twice"),
        (["--product", "A", "--type", "B", "--type", "B=c"], 2, "B is given twice"),
        (["--product", "A", "--type", "=c"], 2, "is an empty name"),
        (["--product", " A", "--type", "B"], 2, "has blanks around it"),
        (["no/such/folder.toml", "--product", "A", "--type", "B"], 1, "no/such/folder.toml cannot be written: No such"),
    ],
)
def test_plan_init_writes_nothing_over_a_file_and_no_plan_that_is_not_good(
    arguments: list[str], code: int, said: str
) -> None:
    Path("there.toml").write_text("mine")
    result = run("plan", "init", *arguments)
    assert (result.exit_code, said in result.stderr) == (code, True)
    assert Path("there.toml").read_text() == "mine"
    assert [path.name for path in Path().iterdir()] == ["there.toml"]


def test_plan_init_asks_on_a_terminal_until_the_answers_are_good() -> None:
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "footfall", "plan", "init"]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        answers = ("SHOP", "ACME, ACME", "ACME, GLOBEX", "", "OPENED=userId", "OPENED", "userId")
        answers += ("ORDER", "a?, b", "userId, sku?", "")
        os.write(master, "".join(f"{answer}\n" for answer in answers).encode())
        said = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(master, 4096):
                said += piece
    os.close(master)
    assert process.returncode == 0, said.decode()
    assert all(
        why in said.decode()
        for why in ("given twice", "come last", "at least one type", "the name alone", "plan.toml is written")
    )
    shown = run("plan", "show", "plan.toml").stdout
    assert all(text in shown for text in ("customers  ACME, GLOBEX", "OPENED   userId", "ORDER    userId, sku?"))


@pytest.mark.parametrize("command", [["--help"], ["settings"], ["plan", "show"]])
def test_small_commands_load_no_servers_and_no_engine(command: list[str]) -> None:
    code = (
        "import sys; from footfall.cli import main\n"
        "try: main(sys.argv[1:], standalone_mode=False)\n"
        "finally: print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    heavy = {"chdb", "litestar", "uvicorn", "uvloop", "sqlalchemy", "clickhouse_connect", "pandas", "numpy"}
    assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize("module", ["footfall", "footfall.cli"])
def test_the_package_runs_as_a_module(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"footfall {version('footfall')}\n"
