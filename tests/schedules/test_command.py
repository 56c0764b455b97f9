"""`footfall schedule`, as it is called."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from footfall.cli.schedule import schedule
from footfall.settings import Settings
from footfall.state import User, open_state

REPORT = ("--customer", "C", "--product", "P")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=str(tmp_path / "data"))
    with closing(open_state(settings)) as state:
        state.migrate()
        state.user_add(User(id="ann", password_hash="", customers=("C",), created_ms=0))
    return settings


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(schedule, list(arguments), obj=settings, catch_exceptions=False)


def add(settings: Settings, *options: str) -> str:
    added = run(settings, "add", "--user", "ann", *REPORT, "--every", "day", "--new", *options)
    assert added.exit_code == 0, added.stderr
    assert added.stderr.startswith("the first report is due at ")
    return added.stdout.strip()


def test_a_schedule_is_added_listed_and_shown(settings: Settings) -> None:
    assert run(settings, "list").stdout == "there are none yet\n"
    options = ("--name", "daily", "--timezone", "Europe/Berlin", "--grace", "60", "--corrections", "0", "--from", "3d")
    found = add(settings, *options, "--type", "T", "--type", "U", "--output", "header=true", "--duplicates", "drop")
    head, row = run(settings, "list").stdout.splitlines()
    assert head.split() == ["ID", "USER", "NAME", "CUSTOMER", "PRODUCT", "EVERY", "TIMEZONE", "NEXT", "STATE"]
    assert row.split()[:7] == [found, "ann", "daily", "C", "P", "day", "Europe/Berlin"]
    shown = json.loads(run(settings, "show", found).stdout)
    assert (shown["graceSeconds"], shown["correctionDays"], shown["duplicates"]) == (60, 0, "drop")
    assert shown["filter"] == {"customer": "C", "product": "P", "types": ["T", "U"]}
    assert (shown["output"], shown["runs"]) == ({"header": "true"}, [])
    (listed,) = json.loads(run(settings, "list", "--json").stdout)
    assert listed == {key: value for key, value in shown.items() if key != "runs"}


def test_a_schedule_is_paused_resumed_and_removed(settings: Settings) -> None:
    found = add(settings)
    assert run(settings, "pause", found).stdout == f"paused schedule {found}\n"
    assert run(settings, "list").stdout.splitlines()[1].endswith("paused")
    assert run(settings, "resume", found).stdout.startswith(f"resumed schedule {found}; its next report is due at 2")
    assert run(settings, "list").stdout.splitlines()[1].endswith("active")
    assert run(settings, "runs", found).stdout == "there are none yet\n"
    assert run(settings, "remove", found).stdout == f"removed schedule {found}\n"
    gone = run(settings, "show", found)
    assert (gone.exit_code, gone.stderr) == (1, "Error: there is no such schedule\n")


def test_what_cannot_be_is_said_line_by_line(settings: Settings) -> None:
    nobody = run(settings, "add", "--user", "bob", *REPORT, "--every", "day")
    assert (nobody.exit_code, nobody.stderr.startswith("Error: no such user: 'bob'")) == (1, True)
    bad = run(settings, "add", "--user", "ann", *REPORT, "--every", "day", "--timezone", "Mars", "--grace", "-1")
    assert bad.exit_code == 1
    assert [line.partition(":")[0] for line in bad.stderr.splitlines()] == ["Error", "timezone", "graceSeconds"]
    others = run(settings, "add", "--user", "ann", "--customer", "D", "--product", "P", "--every", "day")
    assert (others.exit_code, others.stderr) == (1, "Error: you may not see the customer 'D'\n")
    for unread in (("--every", "minute"), ("--every", "day", "--output", "header")):
        assert run(settings, "add", "--user", "ann", *REPORT, *unread).exit_code == 2


def test_runs_are_listed_with_their_reports(settings: Settings) -> None:
    from footfall.clock import SystemClock
    from footfall.schedules import Scheduler
    from footfall.store import Store

    found = add(settings, "--from", "2d", "--grace", "0")
    with closing(open_state(settings)) as state, closing(Store(settings)) as store:
        Scheduler(state, store, settings, SystemClock()).tick()
    listed = run(settings, "runs", found, "--limit", "1").stdout.splitlines()
    assert listed[0].split() == ["START", "END", "CORRECTION", "STATUS", "TRIES", "SOURCE", "REASON"]
    assert (len(listed), "RUNNING" in listed[1], "JOB-" in listed[1]) == (2, True, True)
    first, second = json.loads(run(settings, "runs", found, "--json").stdout)
    assert first["start"] == second["end"] + 1


def test_slips_of_an_order_are_refused(settings: Settings) -> None:
    order = ("add", "--user", "ann", "--every", "day", "--customer", "C")
    key = run(settings, *order, "--product", "P", "--new", "--output", "hedaer=true")
    product = run(settings, *order, "--product", "PORTFOILO")
    assert (key.exit_code, product.exit_code) == (1, 1)
    assert "output.hedaer: is no key of this call; did you mean header?" in key.stderr
    assert "did you mean PORTFOLIO?" in product.stderr
    assert run(settings, "list").stdout == "there are none yet\n"
