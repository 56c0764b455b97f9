"""The command line: options reach the settings, problems are lines on standard error, small commands load little."""

import json
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
            "flag prot: unknown setting; did you mean port?",
            "FOOTFALL_PORT: expected an integer from 0 to 65535, got 'x'",
        ]


@pytest.mark.parametrize("command", [["settings"], ["plan"], ["plan", "check"], []])
def test_help_is_given_even_with_bad_settings(command: list[str]) -> None:
    result = run(*command, "--help", FOOTFALL_PORT="x")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


@pytest.mark.parametrize("arguments", [["--set", "port", "settings"], ["--set", "=1", "settings"], ["fly"], ["-x"]])
def test_a_line_that_cannot_be_read_ends_with_code_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


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
    assert all(line.startswith("plan.toml:") for line in result.stderr.splitlines())
    assert run("plan", "check", "gone.toml").exit_code == 1


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
