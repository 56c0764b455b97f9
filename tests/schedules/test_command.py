"""`footfall schedule`, as it is called."""

import datetime as dt
import json
import re
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from footfall.cli.schedule import schedule
from footfall.settings import Settings
from footfall.state import SavedView, User, open_state
from footfall.system.clock import SystemClock

REPORT = ("--customer", "C", "--product", "P")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=str(tmp_path / "data"))
    with closing(open_state(settings)) as state:
        state.migrate()
        state.users.add(User(id="ann", password_hash="", customers=("C",), created_ms=0))
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
    assert (gone.exit_code, gone.stderr) == (
        1,
        "Error: there is no such schedule; `footfall schedule list` shows them all\n",
    )


def test_what_cannot_be_is_said_in_one_line(settings: Settings) -> None:
    nobody = run(settings, "add", "--user", "bob", *REPORT, "--every", "day")
    assert (nobody.exit_code, nobody.stderr.startswith("Error: no such user: 'bob'")) == (1, True)
    bad = run(settings, "add", "--user", "ann", *REPORT, "--every", "day", "--timezone", "Mars", "--grace", "-1")
    assert bad.exit_code == 1
    assert re.findall(r"Error: the schedule cannot be made|--\w+|\n", bad.stderr) == [
        "Error: the schedule cannot be made", "--timezone", "--grace", "\n"
    ]  # fmt: skip
    old = run(settings, "add", "--user", "ann", *REPORT, "--every", "day", "--from", "1990-01-01")
    assert "--from: must be from 2000-01-01 00:00:00Z to 2" in old.stderr
    others = run(settings, "add", "--user", "ann", "--customer", "D", "--product", "P", "--every", "day")
    assert (others.exit_code, others.stderr) == (
        1,
        "Error: user ann may not see the customer D: `footfall user grant ann --customer D` allows it\n",
    )
    for unread in (("--every", "minute"), ("--every", "day", "--output", "header")):
        assert run(settings, "add", "--user", "ann", *REPORT, *unread).exit_code == 2


def test_runs_are_listed_with_their_reports(settings: Settings) -> None:
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


def test_mistakes_in_an_order_are_refused(settings: Settings) -> None:
    order = ("add", "--user", "ann", "--every", "day", "--customer", "C")
    key = run(settings, *order, "--product", "P", "--new", "--output", "hedaer=true")
    product = run(settings, *order, "--product", "PORTFOILO")
    assert (key.exit_code, product.exit_code) == (1, 1)
    assert "--output hedaer: is no key of this call; did you mean header?" in key.stderr
    assert "did you mean PORTFOLIO?" in product.stderr
    assert run(settings, "list").stdout == "there are none yet\n"


@pytest.mark.parametrize(
    ("every", "options", "start", "end"),
    [
        ("month", ("--timezone", "America/New_York", "--from", "2026-11-01"), "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
        # The order of the options does not matter, nor does a zone where the time has an offset.
        ("day", ("--from", "2026-11-01", "--timezone", "Asia/Tokyo"), "2026-10-31T15:00Z", "2026-11-01T15:00Z"),
        ("day", ("--from", "2026-11-01T23:30", "--timezone", "Asia/Tokyo"), "2026-10-31T15:00Z", "2026-11-01T15:00Z"),
        ("day", ("--from", "2026-11-01T00:00Z", "--timezone", "Asia/Tokyo"), "2026-10-31T15:00Z", "2026-11-01T15:00Z"),
        (
            "day",
            (
                "--from",
                "2026-11-01",
            ),
            "2026-11-01T00:00Z",
            "2026-11-02T00:00Z",
        ),
        # In Beirut the clocks go from midnight to one o'clock.
        ("hour", ("--timezone", "Asia/Beirut", "--from", "2026-03-29"), "2026-03-28T22:00Z", "2026-03-28T23:00Z"),
    ],
)
def test_a_date_is_midnight_in_the_schedule_s_zone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, every: str, options: tuple[str, ...], start: str, end: str
) -> None:
    wanted = [int(dt.datetime.fromisoformat(text).timestamp() * 1000) for text in (start, end)]
    # So that these dates are not too long ago for a schedule when the test runs.
    monkeypatch.setattr(SystemClock, "now_ms", lambda _: wanted[0] + 86_400_000)
    found = run(settings, "add", "--user", "ann", *REPORT, "--every", every, "--new", *options)
    assert found.exit_code == 0, found.stderr
    first = json.loads(run(settings, "show", found.stdout.strip()).stdout)["next"]
    assert [first["start"], first["end"] + 1] == wanted


def test_a_zone_or_a_date_that_is_none_is_said(settings: Settings) -> None:
    for options, why in (
        (("--timezone", "Mars/Base"), "timezone: must be the name of a time zone"),
        (("--from", "soon"), "'soon' is no time"),
        (("--from", "0001-01-01", "--timezone", "Asia/Tokyo"), ""),
        (("--from", "9999-12-31", "--timezone", "America/New_York"), ""),
    ):
        found = run(settings, "add", "--user", "ann", *REPORT, "--every", "day", "--new", *options)
        assert found.exit_code in (1, 2)
        assert why in found.stderr


def test_a_schedule_keeps_what_a_saved_view_selects_and_options_go_before_it(settings: Settings) -> None:
    parameters = {"customer": ["C"], "product": ["P"], "types": ["T"], "range": ["7d"], "duplicates": ["drop"]}
    with closing(open_state(settings)) as state:
        ann = state.users.get("ann")
        assert ann is not None
        view = SavedView(
            account=ann.account,
            user="ann",
            customer="",
            name="Opened",
            call="counts",
            parameters=parameters,
            chart="",
            created_ms=1,
            changed_ms=1,
        )
        state.views.put(view, 10)
    given = ("add", "--user", "ann", "--every", "day", "--new")
    assert run(settings, *given).exit_code == 2
    assert "--view" in run(settings, *given).stderr
    found = json.loads(run(settings, "show", run(settings, *given, "--view", "Opened").stdout.strip()).stdout)
    assert (found["filter"], found["duplicates"]) == ({"customer": "C", "product": "P", "types": ["T"]}, "drop")
    other = run(settings, *given, "--view", "Opened", "--type", "U", "--duplicates", "keep").stdout.strip()
    changed = json.loads(run(settings, "show", other).stdout)
    assert (changed["filter"]["types"], changed["duplicates"]) == (["U"], "keep")
    refused = run(settings, *given, "--view", "Nowhere")
    assert (refused.exit_code, "--view: must be the name or the id of a saved view" in refused.stderr) == (1, True)
