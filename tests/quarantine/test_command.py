"""`footfall quarantine`: what operators see and do, on a node with a loader at work."""

import asyncio
import contextlib
import datetime as dt
import json
import threading
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from quarantined import TIME, WIDER, Node, event

from footfall.cli import main

BATCH = "e2d04b89-972d-4a0a-b0ee-427bef63a8d0"


def run(there: Node, *arguments: str, answer: str = "", **environment: str):
    names = ("events_url", "data_dir", "plan_mode", "disk_free_bytes_min")
    settings = {f"FOOTFALL_{name.upper()}": str(getattr(there.settings, name)) for name in names}
    settings |= {"FOOTFALL_PLAN": str(there.plan_file)}
    command = ["quarantine", *arguments]
    return CliRunner().invoke(main, command, input=answer, env=settings | environment, catch_exceptions=False)


@contextlib.contextmanager
def loading(there: Node) -> Iterator[None]:
    """A worker's loader at work beside the command."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            there.loader.tick()
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def there(node) -> Node:
    """Two returns, which the wider plan takes, and a sale, which it does not."""
    made = node()

    async def fill() -> None:
        async with made.open():
            await made.post(event("RETURNED", "u", "i"), event("SOLD", "u", "\x1b[31m", customer="D"), key="a")
            await made.post(event("RETURNED", "u", "j", timestamp=TIME + 1), key="b")
            await made.load()

    asyncio.run(fill())
    return made


def listed(there: Node, *arguments: str) -> list[dict]:
    found = run(there, "list", "--json", *arguments)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_list_shows_a_table_or_json(there):
    found = run(there, "list")
    assert found.exit_code == 0
    head, *rows = found.stdout.splitlines()
    assert head.split() == ["RECEIVED", "ID", "STATE", "CUSTOMER", "TYPE", "REASON"]
    assert sorted(row.split()[3:6] for row in rows) == [["held", "C", "RETURNED"]] * 2 + [["held", "D", "SOLD"]]
    assert {each["type"] for each in listed(there)} == {"RETURNED", "SOLD"}
    assert [each["type"] for each in listed(there, "--customer", "D")] == ["SOLD"]
    assert len(listed(there, "--type", "RETURNED", "--since", "1h", "--until", "2100-01-01")) == 2
    assert listed(there, "--since", "2100-01-01T00:00+01:00") == []
    assert run(there, "list", "--customer", "NOBODY").stdout == "there are no such events\n"
    short = run(there, "list", "--limit", "2")
    assert (len(short.stdout.splitlines()), "there are more" in short.stderr) == (3, True)


def test_a_summary_groups_by_type_and_reason(there):
    lines = run(there, "list", "--summary").stdout.splitlines()
    assert lines[0].split() == ["EVENTS", "PRODUCT", "TYPE", "REASON", "LAST"]
    assert [line.split()[:3] for line in lines[1:]] == [["2", "SHOP", "RETURNED"], ["1", "SHOP", "SOLD"]]
    groups = json.loads(run(there, "list", "--summary", "--json").stdout)
    assert [group["events"] for group in groups] == [2, 1]


def test_show_has_the_whole_event_and_nothing_that_a_terminal_obeys(there):
    (sold,) = listed(there, "--type", "SOLD")
    found = run(there, "show", f"{sold['batch']}/{sold['sequence']}")
    assert found.exit_code == 0
    assert "\x1b" not in found.stdout
    shown = json.loads(found.stdout)
    assert (shown["context"], shown["address"], shown["state"]) == (["u", "\x1b[31m"], "203.0.113.9", "held")
    none = run(there, "show", f"{BATCH}/1")
    assert (none.exit_code, none.stderr) == (1, f"Error: {BATCH}/1 is not in quarantine\n")


def test_release_takes_what_fits_the_plan_s_file_and_says_what_stays(there):
    assert run(there, "release", "--dry-run").stdout.splitlines()[:2] == [
        "would release 0 events",
        "3 events still break the plan and stay:",
    ]
    there.plan_file.write_text(WIDER)
    with loading(there):
        found = run(there, "release", "--all")
    assert found.exit_code == 0, found.output
    assert found.stderr == ""
    first, second, head, row = found.stdout.splitlines()
    assert (first, second) == ("released 2 events", "1 event still breaks the plan and stays:")
    assert head.split() == ["EVENTS", "PRODUCT", "TYPE", "REASON", "EXAMPLE"]
    assert row.split()[:3] == ["1", "SHOP", "SOLD"]
    assert there.stored("type, context, timestamp") == [
        ("RETURNED", ["u", "i"], TIME),
        ("RETURNED", ["u", "j"], TIME + 1),
    ]
    (one, two) = listed(there, "--state", "released")
    assert one["changedBy"] == two["changedBy"] != ""
    assert [each["type"] for each in listed(there)] == ["SOLD"]


def test_release_of_named_events_under_another_type(there):
    (sold,) = listed(there, "--type", "SOLD")
    name = f"{sold['batch'].upper()}/{sold['sequence']}"
    with loading(there):
        found = run(there, "release", name, "--set-type", "BOUGHT")
    assert found.stdout == "released 1 event\n"
    assert there.stored("type, customer") == [("BOUGHT", "D")]


def test_drop_asks_first_and_takes_no_for_an_answer(there):
    asked = run(there, "drop", "--type", "RETURNED", answer="n\n")
    assert asked.exit_code == 1
    assert "drop 2 events, with no way back?" in asked.stderr
    assert len(listed(there)) == 3
    with loading(there):
        found = run(there, "drop", "--type", "RETURNED", answer="y\n")
        assert (found.exit_code, found.stdout) == (0, "dropped 2 events\n")
        assert run(there, "drop", "--all", "--yes").stdout == "dropped 1 event\n"
    assert listed(there) == []
    assert [each["context"] for each in listed(there, "--state", "dropped")] == [[], [], []]
    assert run(there, "drop", "--all").stdout == "there are no such events\n"


@pytest.mark.parametrize("arguments", [("drop", "--yes"), ("release",), ("release", "--customer", "")])
def test_a_change_of_nothing_in_particular_is_refused(there, arguments):
    there.plan_file.write_text(WIDER)
    found = run(there, *arguments)
    assert (found.exit_code, "--all" in found.stderr) == (2, True)
    assert len(listed(there)) == 3


def test_without_a_worker_a_change_is_on_disk_and_says_that_it_does_not_show_yet(there, monkeypatch):
    monkeypatch.setattr("footfall.cli.quarantine.SETTLE_S", 0.3)
    there.plan_file.write_text(WIDER)
    found = run(there, "release", "--all")
    assert (found.exit_code, found.stdout.splitlines()[0]) == (0, "released 2 events")
    assert "does one run on" in found.stderr
    asyncio.run(there.load())
    assert len(there.stored()) == 2


@pytest.mark.parametrize("name", ["x", BATCH, f"{BATCH}/0"])
@pytest.mark.parametrize("command", ["show", "release", "drop"])
def test_what_names_no_event_cannot_be_read(there, command, name):
    found = run(there, command, name)
    assert (found.exit_code, "is not BATCH/SEQUENCE" in found.stderr) == (2, True)


def test_faults_are_lines_with_code_1(there, tmp_path):
    there.plan_file.write_text("x =")
    broken = run(there, "release", "--all")
    assert (broken.exit_code, broken.stderr.startswith(f"Error: {there.plan_file}:1: ")) == (1, True)
    there.plan_file.write_text(WIDER)
    for changes, said in [
        ({"FOOTFALL_EVENTS_URL": "embedded"}, "footfall does not run on"),
        ({"FOOTFALL_DATA_DIR": str(tmp_path / "none")}, "there is no data folder"),
        ({"FOOTFALL_DISK_FREE_BYTES_MIN": str(2**60)}, "nothing was changed: the disk has less free space"),
    ]:
        found = run(there, "release", "--all", **changes)
        assert (found.exit_code, len(found.stderr.splitlines())) == (1, 1)
        assert said in found.stderr
    assert not (tmp_path / "none").exists()
    assert len(listed(there)) == 3
    assert run(there, "release", "--all", "--set-type", "x" * 201).exit_code == 1


def test_dates_are_of_the_zone_that_is_said(there):
    def day(received_ms: int, more: int = 0) -> str:
        """The date of Kiritimati, 14 hours ahead of UTC, where it may have begun when by UTC it has not."""
        return f"{dt.datetime.fromtimestamp(received_ms / 1000, dt.UTC) + dt.timedelta(days=more, hours=14):%Y-%m-%d}"

    received = [each["received"] for each in listed(there)]
    zone = ("--timezone", "Pacific/Kiritimati")
    assert len(listed(there, "--since", day(min(received)), *zone)) == 3
    assert listed(there, *zone, "--until", day(min(received), -1)) == []
    assert len(listed(there, *zone, "--until", day(max(received)))) == 3
    assert listed(there, "--since", day(max(received), 1), *zone) == []
    unknown = run(there, "list", "--timezone", "Mars")
    assert (unknown.exit_code, "'Mars' is no time zone" in unknown.stderr) == (2, True)
