"""`footfall send`: files of events reach the service once each, whatever stops the command."""

import csv
import gzip
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hostile_proxy import HostileProxy, hostile_proxy

from footfall.cli import main
from footfall.system import zstd

EVENT = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACCESSED"}
# Where the times of a test's events begin, so that its report has no others.
TIMES = itertools.count(1_420_000_000_000, 1_000_000_000)


@pytest.fixture
def start() -> int:
    return next(TIMES)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def events(start: int, count: int) -> list[dict]:
    return [{**EVENT, "timestamp": start + each, "context": ["ada", f"p-{each}"]} for each in range(count)]


def lines(found: list[dict]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in found)


def send(url: str, *words: object, given: bytes = b"") -> Result:
    line = ["send", "--url", url, *map(str, words)]
    return CliRunner().invoke(main, line, input=given, prog_name="footfall", catch_exceptions=False)


def rows(shared, start: int, count: int = 1_000_000) -> list[str]:
    text = shared.report(customer="BARCHART", product="PORTFOLIO", start=start, end=start + count)
    return [row[0] for row in csv.reader(text.splitlines(keepends=True), delimiter="|")]


def test_files_of_any_kind_are_sent_once(shared, start):
    """The same events make the same requests, however their file is packed."""
    text = lines(events(start, 2_500))
    kinds = {"e.jsonl": bytes, "e.jsonl.gz": gzip.compress, "e.jsonl.zst": zstd.compress, "-": bytes}
    for name, pack in kinds.items():
        Path(name).write_bytes(pack(text))
        told = send(shared.url, name, "--connections", len(name), given=text)
        assert (told.exit_code, "sent 2,500 events" in told.stdout) == (0, True), told.output
    assert "all 2,500 events were sent before" in send(shared.url, "e.jsonl").stdout
    assert "sent 2,500 events" in send(shared.url, "--anew", "e.jsonl").stdout
    assert rows(shared, start) == [str(start + each) for each in range(2_500)]


def test_a_file_that_has_grown_goes_on_where_it_ended(shared, start):
    Path("log").write_bytes(lines(events(start, 300)))
    send(shared.url, "log")
    Path("log").write_bytes(lines(events(start, 700)))
    told = json.loads(send(shared.url, "log", "--json").stdout)
    assert (told["sent"], told["sent_before"], told["is_whole"]) == (400, 300, True)
    # Another text under the same name begins anew.
    Path("log").write_bytes(lines(events(start + 5_000, 10)))
    assert "has changed since" in send(shared.url, "log").stderr
    assert len(rows(shared, start)) == 710


def test_what_is_refused_is_kept_with_its_reason_and_can_be_mended(shared, start):
    found = events(start, 1_200)
    for each in range(0, 1_200, 5):  # more than an answer tells at once
        found[each]["context"] = ["ada"]
    text = lines(found).splitlines(keepends=True)
    text[3:3] = [b"{broken\n", b"\n", b'["no event"]\n', b'{"customer": "cut \\ud83d"}\n', b"\xff\n"]
    Path("mixed.jsonl").write_bytes(b"".join(text))
    told = send(shared.url, "mixed.jsonl")
    assert (told.exit_code, "sent 960 events" in told.stdout, "244 refused" in told.stdout) == (4, True, True)
    rejects = [json.loads(line) for line in Path("mixed.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [one["line"] for one in rejects[:6]] == [1, 4, 6, 7, 8, 11]
    assert rejects[0]["event"] == found[0]
    assert (rejects[0]["path"], rejects[0]["reason"][:8]) == ("context", "context:")
    assert (rejects[1]["text"], rejects[1]["reason"][:20]) == ("{broken", "the line is not JSON")
    # A second run of all of it says the same, and writes no reject twice.
    assert send(shared.url, "--anew", "mixed.jsonl").exit_code == 4
    assert len(Path("mixed.jsonl.rejects.jsonl").read_text().splitlines()) == 244
    assert len(rows(shared, start)) == 960
    for one in rejects:
        one["event"] = one.get("event") and {**one["event"], "context": ["ada", "mended"]}
    mended = [one for one in rejects if one["event"] and "timestamp" in one["event"]]
    Path("mended.jsonl").write_bytes(lines(mended))
    assert send(shared.url, "mended.jsonl").exit_code == 0
    assert len(rows(shared, start)) == 1_200


def test_what_is_refused_of_a_file_that_has_changed_is_kept_too(shared, start):
    for text in (b'{"first": 1}\n', b'{"other": 2}\n', b"[" * 90_000 + b"\n", b"{broken\n", b"{broken\n"):
        Path("changed.jsonl").write_bytes(text)
        assert send(shared.url, "changed.jsonl", "--anew").exit_code == 4
    kept = [json.loads(line) for line in Path("changed.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [one["offset"] for one in kept] == [0, 0, 0, 0]
    assert [one.get("event", one.get("text", "")) for one in kept[:2]] == [{"first": 1}, {"other": 2}]
    assert kept[3]["text"] == "{broken"


def test_csv_with_a_header_is_sent(shared, start, monkeypatch):
    Path("numbered.csv").write_text(
        "type,timestamp,context1,context2,note\n"
        f'PORTFOLIO-ACCESSED,{start},ada,"p,\n1",\nPORTFOLIO-ACCESSED,2015-06-01T10:00:00Z,ada,p-2\n'
    )
    told = send(shared.url, "numbered.csv", "--customer", "BARCHART", "--product", "PORTFOLIO")
    assert (told.exit_code, "sent 1 event in" in told.stdout) == (4, True), told.output
    reject = json.loads(Path("numbered.csv.rejects.jsonl").read_text())
    assert (reject["line"], reject["reason"]) == (4, "the row has 4 cells where the header names 5")
    # A report's own file: the columns are the plan's keys, which the service is asked for.
    Path("report.csv").write_text(
        f"timestamp|type|userId|portfolioId\n{start + 1}|PORTFOLIO-ACCESSED|bob|p-9\n"
        f"{start + 2}|PORTFOLIO-ACCESSED|bob|\n"
    )
    monkeypatch.setenv("FOOTFALL_USER", "admin")
    monkeypatch.setenv("FOOTFALL_PASSWORD", "correct horse battery")
    told = send(shared.url, "report.csv", "--customer", "BARCHART", "--product", "PORTFOLIO", "--json")
    assert (json.loads(told.stdout)["sent"], told.exit_code) == (1, 4)
    assert "lacks portfolioId" in Path("report.csv.rejects.jsonl").read_text()
    Path("chosen.tsv").write_text(f"timestamp\twho\twhich\n{start + 3}\teve\tp-3\n")
    words = ("--customer", "BARCHART", "--product", "PORTFOLIO", "--type", "PORTFOLIO-ACCESSED")
    assert send(shared.url, "chosen.tsv", *words, "--context", "who,which").exit_code == 0
    assert rows(shared, start) == [str(start), str(start + 1), str(start + 3)]
    assert send(shared.url, "chosen.tsv", "--customer", "BARCHART").exit_code == 1


def test_a_bad_network_makes_nothing_twice(shared, start):
    Path("events.jsonl").write_bytes(lines(events(start, 6_000)))
    kinds = (*["pass"] * 8, "503", "cut after", "500", "cut before", "half an answer")
    with hostile_proxy(shared.url, kinds, seed=3) as proxy:
        told = send(proxy.url, "events.jsonl")
        assert told.exit_code == 0, told.output
        assert len(proxy.keys) > len(proxy.bodies) >= 6
    assert len(rows(shared, start)) == 6_000


def test_whatever_stops_it_each_event_arrives_once(shared, start, tmp_path):
    Path("events.jsonl").write_bytes(lines(events(start, 9_000)))
    with hostile_proxy(shared.url, ("slow",)) as proxy:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
            process = started(proxy)
            wait_for_requests(proxy, process, len(proxy.keys) + 2)
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
            if number == signal.SIGINT:
                assert process.returncode == 130, errors
                assert "the same command goes on from there" in output
                assert errors.splitlines()[-1] == "Error: stopped by Ctrl-C"
        process = started(proxy)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        assert "were sent before" in output
        # What had an answer was not sent again.
        assert len(proxy.keys) < 2 * len(proxy.bodies)
    assert rows(shared, start) == [str(start + each) for each in range(9_000)]


def started(proxy: HostileProxy) -> subprocess.Popen:
    command = [sys.executable, "-m", "footfall", "send", "--url", proxy.url, "--connections", "1", "events.jsonl"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


def wait_for_requests(proxy: HostileProxy, process: subprocess.Popen, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(proxy.keys) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_do_not_send_the_same_file_at_once(shared, start):
    from footfall.cli.remote.sent_state import SentState

    Path("events.jsonl").write_bytes(lines(events(start, 1)))
    send(shared.url, "events.jsonl")
    (state,) = Path("state/footfall/sent").glob("*.json")
    holder = SentState("", "-", b"")
    holder._path = state.absolute()
    with holder.held():
        told = send(shared.url, "events.jsonl")
    assert (told.exit_code, told.stderr) == (1, "Error: another command is sending this file to this service now\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(b"x" * 100_000)[:-20], "the compressed data is damaged"),
        (zstd.compress(os.urandom(10_000))[:5_000], "the compressed data is damaged"),
    ],
)
def test_a_file_that_was_cut_off_is_told(shared, content, why):
    Path("cut").write_bytes(content)
    told = send(shared.url, "cut")
    assert (told.exit_code, told.stderr.count("\n"), why in told.stderr) == (1, 1, True), told.stderr


def test_what_is_no_service_takes_nothing(shared, start):
    Path("events.jsonl").write_bytes(lines(events(start, 1)))
    told = send(f"{shared.url}/nowhere", "events.jsonl")
    assert (told.exit_code, "the service refuses the events: 404" in told.stderr) == (1, True), told.stderr
    told = send("http://127.0.0.1:9", "--give-up", "1", "events.jsonl")
    assert (told.exit_code, "did not take events for 1 s" in told.stderr) == (1, True), told.stderr
    assert send("ftp://127.0.0.1", "events.jsonl").stderr.startswith("Error: 'ftp://127.0.0.1' is no address")
