"""`footfall report`: the bytes of the service, wherever the command is and whenever it is asked again."""

import contextlib
import datetime as dt
import hashlib
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner, Result

from footfall.cli import main
from footfall.cli.remote.selection import ChosenEvents, last_times
from footfall.dashboard.commands import answer_command, report_command
from footfall.dashboard.views.choice import Choice

pytestmark = pytest.mark.usefixtures("user_of_shared")

DAY_MS = 86_400_000
START = 1_440_000_000_000
EVENT = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACCESSED"}
NOON = int(dt.datetime(2026, 3, 29, 12, tzinfo=dt.UTC).timestamp() * 1000)


def report(*words: object) -> Result:
    line = ["report", *map(str, words)]
    return CliRunner().invoke(main, line, prog_name="footfall", catch_exceptions=False)


def test_the_file_is_the_services_and_can_be_asked_for_again(shared):
    events = [{**EVENT, "timestamp": START + each, "context": ["ada", f"p-{each}"]} for each in range(20)]
    shared.client.post("/events", json={"events": events}).raise_for_status()
    words = ("--customer", "BARCHART", "--product", "PORTFOLIO", "--start", START, "--end", START + 9)
    told = report(*words, "--types", "PORTFOLIO-ACCESSED,PORTFOLIO-CREATED", "--output", "delimiter=,", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    body = Path(found["file"]).read_bytes()
    link = shared.client.get(f"/reports/{found['source']}").json()["link"]
    assert body == shared.client.get(link).content
    assert (found["rows"], found["bytes"], found["sha256"]) == (10, len(body), hashlib.sha256(body).hexdigest())
    assert body.startswith(b"timestamp,type,userId,")
    # The same report later, in other ways.
    assert report(found["source"], "--to", "-").stdout_bytes == body
    told = report(found["source"], "--to", "named.csv")
    assert (Path("named.csv").read_bytes(), told.stdout[:21]) == (body, "named.csv: 10 events,")
    assert report(found["source"], "--to", "named.csv", "--quiet").output == ""
    assert report(found["source"], "--no-wait").stdout == f"{found['source']}\n"
    assert report(found["source"], "--last", "7d").exit_code == 2
    assert not list(Path().glob("*.part"))


@pytest.mark.parametrize(
    "changes",
    [
        {"times": "excel", "delimiter": "semicolon", "safe": True, "header": True, "duplicates": "drop"},
        {"customers": ("*",), "products": ("*",), "types": (), "format": "parquet", "basis": "received", "as_of": "7"},
    ],
)
def test_the_command_that_a_page_offers_makes_the_same_report(shared, changes):
    usual = {"basis": "event", "duplicates": "keep", "format": "csv", "compression": "zstd", "delimiter": "tab"}
    names = {"customers": ("TGAM", "BARCHART"), "products": ("PORTFOLIO",), "types": ("PORTFOLIO-A*", "-x")}
    times = {"start": str(START), "end": "2015-09-01", "timezone": "Europe/Berlin"}
    further = {"where": ("userId:is not:b o", "userId:not empty"), "header": False, "times": "ms", "safe": False}
    choice = Choice(**{**usual, **names, **times, **further, **changes})
    event = {**EVENT, "timestamp": START + DAY_MS, "context": ["=ada", "p"]}
    shared.client.post("/events", json={"events": [event]}).raise_for_status()
    name, *words = shlex.split(report_command(shared.url, choice))
    assert name == "footfall"
    told = report(*words[1:], "--no-wait")
    assert told.exit_code == 0, told.output
    same = shared.client.post("/reports", content=choice.body()).raise_for_status().json()["source"]
    own, theirs = (manifest(shared, source) for source in (told.stdout.strip(), same))
    assert own == theirs
    assert bool(own["rows"]["total"]) == (choice.format == "csv")


def test_the_command_of_the_page_events_has_the_events_that_it_lists_and_no_later_ones(shared):
    begin = START + 30 * DAY_MS
    events = [{**EVENT, "timestamp": begin + each, "context": ["eve", f"p-{each}"]} for each in range(3)]
    shared.client.post("/events", json={"events": events}).raise_for_status()
    scope = f"customer=BARCHART&product=PORTFOLIO&where=userId:is:eve&start={begin}&end={begin + 9}"
    end = time.monotonic() + 60
    while (answer := shared.client.get(f"/usage/events?{scope}&limit=2").json())["total"]["events"] < len(events):
        assert time.monotonic() < end
        time.sleep(0.1)
    shared.client.post("/events", json={"events": [{**events[0], "timestamp": begin + 5}]}).raise_for_status()
    _, *words = shlex.split(answer_command(shared.url, answer["link"]))
    told = report(*words[1:], "--quiet")
    assert told.exit_code == 0, told.output
    assert [json.loads(line)["portfolioId"] for line in told.stdout.splitlines()] == ["p-0", "p-1", "p-2"]


def manifest(shared, source):
    """What a report stands on, but for what only it has."""
    assert shared.wait(source)["status"] == "COMPLETE"
    found = shared.client.get(f"/reports/{source}/manifest").raise_for_status().json()
    return {key: value for key, value in found.items() if key not in ("source", "file", "watermark")}


def test_ctrl_c_while_it_waits_tells_how_to_go_on_and_another_file_gives_way(shared):
    words = ("--customer", "BARCHART", "--product", "PORTFOLIO", "--start", START, "--end", START + 9)
    line = [sys.executable, "-m", "footfall", "report", *map(str, words), "--to", "again.csv"]
    master, terminal = pty.openpty()
    said, is_asked = b"", False
    (worker,) = shared.children("worker")
    os.kill(worker, signal.SIGSTOP)  # so that it waits
    try:
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=terminal) as process:
            os.close(terminal)
            with contextlib.suppress(OSError):  # the other end is closed
                while piece := os.read(master, 4096):
                    said += piece
                    if not is_asked and b"waiting for its first events" in said:
                        process.send_signal(signal.SIGINT)
                        is_asked = True
            assert process.stdout.read() == b""
    finally:
        os.kill(worker, signal.SIGCONT)
        os.close(master)
    error = said.decode().splitlines()[-1]
    assert (process.returncode, error) == (130, "Error: stopped by Ctrl-C")
    source = re.search(r"the report is the service's work and goes on: `.* report (\S+)` waits for it", said.decode())[
        1
    ]
    assert not Path("again.csv").exists()
    Path("again.csv").write_bytes(b"of another day" * 1000)
    assert report(source, "--to", "again.csv", "--quiet").exit_code == 0
    assert Path("again.csv").read_bytes() == report(source, "--to", "-").stdout_bytes


def test_what_cannot_be_is_told_in_a_line(monkeypatch):
    for line, code, why in (
        ("", 2, "say --customer and --product"),
        ("--customer BARCHART --product PORTFOLIO --start 2026-13-01", 1, "filter.start: must be milliseconds"),
        ("--customer BARCHART --product PORTFOLIO --last 7d --end 2026-11-01", 2, "--last stands for"),
        ("--view nowhere", 1, "view: "),
        ("JOB-5a49a3e2-7efb-4fbf-9280-891724be66ed", 1, ""),
    ):
        told = report(*line.split())
        assert (told.exit_code, told.stdout, told.stderr.count("\n"), why in told.stderr) == (code, "", 1, True), line
    monkeypatch.delenv("FOOTFALL_PASSWORD")
    assert "answers this to users only" in report("--view", "any").stderr


HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31m\nError: another line"
HOSTILE_ANSWERS = [
    (403, [{"value": {"code": HOSTILE, "message": HOSTILE}}]),
    (302, [{"value": {"code": HOSTILE, "message": HOSTILE}}]),
    (200, HOSTILE),
    (200, [HOSTILE]),
    (200, {"source": HOSTILE}),
    (200, {"source": HOSTILE, "status": HOSTILE}),
]


@pytest.mark.parametrize(("status", "answer"), HOSTILE_ANSWERS)
@pytest.mark.parametrize("command", ["report JOB-1", "stats counts", "send --anew --give-up 1 events.jsonl"])
def test_whatever_a_server_answers_controls_no_terminal(status, answer, command):
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_):
            """Nothing is written among the tests' lines."""

    Path("events.jsonl").write_text('{"timestamp": 1}\n')
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        name, *words = command.split()
        told = CliRunner().invoke(
            main, [name, "--url", f"http://127.0.0.1:{server.server_port}", *words], prog_name="footfall"
        )
        server.shutdown()
        thread.join()
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1), told.output
    assert told.stderr.rstrip("\n").isprintable()


def test_days_are_whole_and_hours_end_now():
    berlin = ZoneInfo("Europe/Berlin")
    for text, found in {
        "today": ("2026-03-29", "2026-03-29"),
        "7d": ("2026-03-23", "2026-03-29"),
        "2w": ("2026-03-16", "2026-03-29"),
        "month": ("2026-03-01", "2026-03-29"),
        "year": ("2026-01-01", "2026-03-29"),
        "12h": (NOON - DAY_MS // 2, None),
        "30m": (NOON - DAY_MS // 48, None),
    }.items():
        assert last_times(text, berlin, NOON) == found
    assert last_times("1d", ZoneInfo("Asia/Tokyo"), NOON + DAY_MS // 2) == ("2026-03-30", "2026-03-30")
    for text in ("0d", "7", "d", "7y", ""):
        with pytest.raises(click.BadParameter):
            last_times(text, berlin, NOON)


def test_a_selection_is_that_of_reports_and_of_statistics():
    one = ChosenEvents(customers=("A",), products=("*",), types=("T-*",), start="2026-11-01", timezone="UTC")
    assert one.report_body({}) == {
        "filter": {"customer": "A", "products": ["*"], "types": ["T-*"], "start": "2026-11-01", "timezone": "UTC"},
        "output": {},
    }
    assert one.usage_parameters()["customer"] == ("A",)
    assert ChosenEvents().usage_parameters() == {"customer": ("*",), "product": ("*",)}
    assert ChosenEvents(view="mine").usage_parameters() == {"view": "mine"}
