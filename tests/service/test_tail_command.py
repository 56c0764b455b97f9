"""`footfall tail`: what a real service accepts, as lines, through breaks, pipes that close, and Ctrl-C."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner

from footfall.cli import main
from footfall.cli.remote.event_stream import MessageReader, StreamMessage

PASSWORD = "correct horse battery"
EVENT = {"customer": "TGAM", "product": "PORTFOLIO", "type": "PORTFOLIO-APPLICATION-LOADED"}
NASTY = "\x1b]0;owned\x07\x9b31m\u202e"


class Tail:
    """The command as a process, whose lines are read by a thread."""

    def __init__(self, url: str, *words: str, **options: object) -> None:
        environment = {**os.environ, "FOOTFALL_URL": url, "FOOTFALL_USER": "admin", "FOOTFALL_PASSWORD": PASSWORD}
        line = [sys.executable, "-m", "footfall", "tail", *words]
        self.process = subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        self.lines: list[str] = []
        self.said: list[str] = []
        self.threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.said))
        ]
        for thread in self.threads:
            thread.start()

    def _read(self, file: Iterator[str], lines: list[str]) -> None:
        lines.extend(map(str.rstrip, iter(file.readline, "")))  # type: ignore[attr-defined]

    def end(self) -> int:
        code = self.process.wait(60)
        for thread in self.threads:
            thread.join(60)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture
def tail() -> Iterator[Callable[..., Tail]]:
    started: list[Tail] = []

    def start(*words: str, **options: object) -> Tail:
        started.append(Tail(*words, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.end()


def until(holds: Callable[[], bool], meanwhile: Callable[[], object] = bool) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        meanwhile()
        time.sleep(0.1)


def events_of(actor: str, at_ms: int) -> list[dict[str, object]]:
    return [{**EVENT, "timestamp": at_ms, "context": [actor], "version": NASTY}]


def test_events_are_lines_that_cannot_control_a_terminal(shared, tail):
    told = tail(shared.url, "--types", EVENT["type"], "--version", NASTY, "--zone", "Asia/Tokyo", "--events", "1")
    as_json = tail(shared.url, "--customer", "TGAM", "--version", NASTY, "--json", "--quiet")
    old_ms = 1_310_000_000_000

    def post() -> None:
        shared.post([*events_of(f"ada {NASTY}", old_ms)]).raise_for_status()

    until(lambda: bool(told.lines and as_json.lines), post)
    assert told.end() == 0
    assert "\x1b" not in told.lines[0] + as_json.lines[0]
    words = told.lines[0].split("  ")
    assert (words[0][-6:], words[1:4]) == ("+09:00", ["TGAM", "PORTFOLIO", EVENT["type"]])
    assert words[-1] == "of 2011-07-07 09:53:20+09:00"
    event = json.loads(as_json.lines[0])
    assert (event["context"], event["version"]) == ([f"ada {NASTY}"], NASTY)
    as_json.process.send_signal(signal.SIGINT)
    assert (as_json.end(), as_json.said) == (130, [])


def test_what_was_refused_is_told_with_its_place(shared, tail):
    told = tail(shared.url)
    expected = ("TGAM PORTFOLIO PORTFOLIO-OPEND: type: ", "a request that could not be taken: timestamp: must lie ")
    now = int(time.time() * 1000)

    def post() -> None:
        for given in ({"type": "PORTFOLIO-OPEND", "timestamp": now}, {"timestamp": now // 1000}):
            assert shared.post([{**EVENT, "context": ["ada"], **given}]).status_code == 400

    until(lambda: all(any(f"refused: {each}" in line for line in told.said) for each in expected), post)
    told.process.send_signal(signal.SIGINT)
    assert (told.end(), "- -" in "".join(told.said)) == (130, False)


def test_a_stream_whose_service_was_killed_goes_on_behind_its_last_event(sturdy, tail):
    told = tail(sturdy.url, "--json")

    def post(actor: str) -> None:
        with contextlib.suppress(Exception):
            sturdy.post(events_of(actor, 1_310_000_000_000), **{"idempotency-key": f"tail-{actor}"})

    until(lambda: bool(told.lines), lambda: post("first"))
    for pid in sturdy.children("web"):
        os.kill(pid, signal.SIGKILL)
    until(lambda: any("second" in line for line in told.lines), lambda: post("second"))
    assert told.process.poll() is None
    assert not [line for line in told.said if "left out" in line]


def test_a_pipe_that_closes_ends_it_without_a_word(shared, tail):
    read_end, write_end = os.pipe()
    environment = {**os.environ, "FOOTFALL_URL": shared.url, "FOOTFALL_USER": "admin", "FOOTFALL_PASSWORD": PASSWORD}
    line = [sys.executable, "-m", "footfall", "tail"]
    with subprocess.Popen(line, env=environment, stdout=write_end, stderr=subprocess.PIPE) as process:
        os.close(write_end)
        os.close(read_end)
        until(lambda: process.poll() is not None, lambda: shared.post(events_of("head", 1_310_000_000_000)))
        assert process.stderr.read() == b""


def test_what_cannot_be_followed_is_told_in_a_line(shared):
    environment = {"FOOTFALL_URL": shared.url, "FOOTFALL_USER": "admin", "FOOTFALL_PASSWORD": PASSWORD}
    for line, changed, why in (
        ("tail", {"FOOTFALL_PASSWORD": "wrong password"}, "does not know this user"),
        ("tail", {"FOOTFALL_URL": "http://127.0.0.1:9"}, "does not answer"),
        ("tail --where nothing:is:x --customer TGAM --product PORTFOLIO", {}, "nothing"),
        ("tail --events 0", {}, "is no whole number"),
    ):
        told = CliRunner().invoke(main, line.split(), env={**environment, **changed}, prog_name="footfall")
        assert (told.exit_code > 0, told.stdout, told.stderr.count("\n")) == (True, "", 1), line
        assert why in told.stderr


def test_messages_are_read_whatever_the_pieces():
    body = b'retry: 2000\n: hello\nid: n.1\n\nid: n.2\ndata: {"a":1}\n\nevent: dropped\r\ndata: {\r\ndata: }\r\n\r\n'
    for size in (1, 7, len(body)):
        reader = MessageReader()
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        found = [message for piece in pieces for message in reader.read(piece)]
        assert (found, reader.last_id) == (
            [StreamMessage("", b'{"a":1}'), StreamMessage("dropped", b"{\n}")],
            "n.2",
        )
    with pytest.raises(Exception, match="no stream of events"):
        MessageReader().read(b"<html>\n")


def test_a_message_that_does_not_end_fills_no_memory():
    reader, piece = MessageReader(), b"data:\n" * 200_000
    with pytest.raises(Exception, match="no stream of events"):
        list(map(reader.read, itertools.repeat(piece, 20)))
