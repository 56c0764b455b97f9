"""`footfall stats`: the numbers of the calls, as tables that fit, and as the files that the service makes."""

import json
import shlex
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from footfall.cli import main
from footfall.cli.remote.statistic_tables import statistic_lines
from footfall.dashboard.commands import answer_command, tail_command

pytestmark = pytest.mark.usefixtures("user_of_shared")

START = 1_460_000_000_000
DAY_MS = 86_400_000
EVENT = {"customer": "TGAM", "product": "PORTFOLIO"}
TYPES = ("PORTFOLIO-APPLICATION-LOADED", "PORTFOLIO-ACCESSED")
SCOPE = ("--customer", "TGAM", "--product", "PORTFOLIO", "--start", str(START), "--end", str(START + 30 * DAY_MS))


def stats(*words: object) -> Result:
    line = ["stats", *map(str, words)]
    return CliRunner().invoke(main, line, prog_name="footfall", catch_exceptions=False)


@pytest.fixture
def loaded(shared) -> None:
    """Events of three actors, of whom one accesses; asked for until they are counted."""
    events = []
    for each, actor in enumerate(("ada", "bob", "eve")):
        at = START + each * DAY_MS
        events.append({**EVENT, "type": TYPES[0], "timestamp": at, "context": [actor], "version": "\x1b[31m"})
    events.append({**EVENT, "type": TYPES[1], "timestamp": START + 90_000, "context": ["ada", "p-1"]})
    answer = shared.client.post("/events", json={"events": events}, headers={"idempotency-key": "stats-command"})
    answer.raise_for_status()
    deadline = time.monotonic() + 60
    while json.loads(stats("counts", *SCOPE, "--json").stdout)["total"]["events"] < 4:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_numbers_are_those_of_the_calls(shared, loaded):
    found = stats("counts", *SCOPE, "--by", "type", "--json")
    told = json.loads(found.stdout)
    again = shared.client.get(f"/{told['link']}")
    assert found.stdout_bytes == again.content
    shown = stats("counts", *SCOPE, "--interval", "all", "--as-of", told["asOf"]).stdout.splitlines()
    assert [line.split() for line in shown[:2]] == [["EVENTS", "DUPLICATES", "LATE"], ["4", "0", "4"]]
    assert shown[-2] == "total: 4 events, 0 duplicates, 4 late"
    steps = [word for step in TYPES for word in ("--step", step)]
    funnel = [line.split() for line in stats("funnel", *SCOPE, *steps).stdout.splitlines()]
    assert funnel[1] == [TYPES[0], "3", "100.0%", "100.0%", "-"]
    assert funnel[2] == [TYPES[1], "1", "33.3%", "33.3%", "1m", "30s"]
    weeks = stats("retention", *SCOPE, "--parameter", "periods=1").stdout.splitlines()
    assert weeks[1].split()[1:] == ["3", "100.0%", "0.0%"]
    # A version that would colour the terminal does not.
    summary = stats("summary", *SCOPE).stdout
    assert ("\\u001b[31m" in summary, "\x1b" in summary, "3 actors" in summary) == (True, False, True)


@pytest.mark.parametrize(
    "asked",
    [
        "counts?interval=day&by=type&by=userId&top=5&fill=true&types=PORTFOLIO-A*&types=-x",
        "counts?by=none&where=userId:is not:bob&versions=%1B[31m&duplicates=drop",
        f"funnel?step={TYPES[0]}&step={TYPES[1]}%3BuserId:is:ada&window=7d&order=strict",
        f"retention?interval=week&periods=2&first={TYPES[0]}",
        f"paths?type={TYPES[0]}&levels=1",
    ],
)
def test_the_command_that_a_page_offers_asks_the_same(shared, loaded, asked):
    scope = f"customer=TGAM&product=PORTFOLIO&start={START}&end=2016-05-01&timezone=Europe/Berlin"
    link = shared.client.get(f"/usage/{asked}&{scope}").raise_for_status().json()["link"]
    name, *words = shlex.split(answer_command(shared.url, link))
    assert name == "footfall"
    told = stats(*words[1:], "--json")
    assert told.stdout_bytes == shared.client.get(f"/{link}").content, told.output


def test_no_command_is_offered_that_would_ask_something_else():
    assert answer_command("http://here", "usage/counts?customer=%2A&product=%2A&asOf=7") == (
        "footfall stats counts --url http://here --as-of 7"
    )
    tailed = [("types", "A*"), ("customer", "B"), ("timezone", "UTC")]
    assert tail_command("http://here", tailed) == "footfall tail --url http://here --types 'A*' --customer B"
    assert tail_command("http://here", [("types", "A,B")]) == ""
    for link in ("usage/events?types=A%2CB", "usage/counts?types=A%2CB", "usage/paths?exclude=A&exclude=B"):
        assert answer_command("http://here", link) == "", link


def test_files_are_what_the_service_makes(shared, loaded):
    for name, begin in {"a.svg": b"<svg", "a.csv": b"start", "a.json": b'{"asOf"', "a.txt": b"START"}.items():
        told = stats("counts", *SCOPE, "--to", name)
        assert (told.exit_code, told.stdout, Path(name).read_bytes()[: len(begin)]) == (0, "", begin), told.output
    assert stats("top", *SCOPE, "--key", "userId", "--format", "csv").stdout.splitlines()[0] == "value,events,actors"


def test_what_cannot_be_is_told_in_a_line(monkeypatch):
    for line, code, why in (
        ("counts --by nowhere --product PORTFOLIO --customer TGAM", 1, "by"),
        ("counts --parameter intreval=day", 1, "did you mean"),
        ("nothing", 2, "nothing"),
        ("counts --json --format csv", 2, "say one of them"),
    ):
        told = stats(*line.split())
        assert (told.exit_code, told.stdout, told.stderr.count("\n"), why in told.stderr) == (code, "", 1, True), line


def test_bars_fill_the_room_that_a_terminal_has(monkeypatch):
    monkeypatch.setattr("footfall.cli.remote.statistic_tables.terminal_width", lambda: 40)
    monkeypatch.setattr("footfall.cli.tables.terminal_width", lambda: 40)
    counts = [{"start": DAY_MS * day, "events": events} for day, events in enumerate((400, 100, 0))]
    total = {"asOf": 0, "complete": False, "exact": False, "timezone": "UTC", "total": {"events": 500}}
    lines = list(statistic_lines("counts", {**total, "interval": "day", "counts": counts}))
    assert lines[0] == "START       EVENTS"
    assert [len(line) for line in lines[1:4]] in ([40, 25, 18], [40, 26, 18])
    assert lines[-1].endswith("not complete: some events up to then may still be on their way, estimated")
    assert next(statistic_lines("counts", {**total, "counts": []})) == "nothing was found"
