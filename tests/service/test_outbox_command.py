"""`footfall-client outbox`: from the file to the reports."""

import itertools
import json
import os
import time

import pytest
from footfall_client import Outbox, OutboxOptions
from footfall_client.__main__ import main

EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-APPLICATION-LOADED", "context": ["ada"]}
TIMES = itertools.count(1_300_000_000_000, 1_000_000_000)


@pytest.fixture
def filled(shared, tmp_path):
    """An outbox of two events that arrived, one that was refused, and one that waits."""
    path, start = tmp_path / "events.outbox", next(TIMES)
    with Outbox(path, shared.url, options=OutboxOptions(batch_age_max_s=0.02), handle_sigterm=False) as outbox:
        outbox.track_many([{**EVENT, "timestamp": start + each} for each in range(2)])
        assert outbox.flush(20)
        outbox.track(**{**EVENT, "type": "NOPE", "timestamp": start})
        assert outbox.flush(20)
    nowhere = Outbox(path, "http://127.0.0.1:9", options=OutboxOptions(exit_timeout_s=0.1), handle_sigterm=False)
    nowhere.track(**{**EVENT, "timestamp": start + 9})
    nowhere.close(0)
    return path


def test_status_follows_a_batch_into_the_reports(shared, filled, capsys, monkeypatch):
    assert main(["outbox", "status", str(filled)]) == 0
    text = capsys.readouterr().out
    assert "4 events tracked, 2 acknowledged (0 of them in quarantine), 1 refused, 0 dropped" in text
    assert "on this disk: 1 events" in text
    assert "no process has the outbox open" in text
    monkeypatch.setenv("FOOTFALL_URL", shared.url)
    monkeypatch.setenv("FOOTFALL_AUTH", "admin:correct horse battery")
    end = time.monotonic() + 30
    while "2 in the store, and in every report from now on" not in text and time.monotonic() < end:
        assert main(["outbox", "status", "--url", shared.url, str(filled)]) == 0
        text = capsys.readouterr().out
        time.sleep(0.2)
    assert "2 in the store, and in every report from now on" in text
    assert main(["outbox", "status", "--url", shared.url, "--json", str(filled)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["waiting"], told["rejects"], told["sent"][0]["events_by_status"]) == (1, 1, {"stored": 2})


def test_status_tells_of_the_file_also_when_nobody_gives_receipts(shared, filled, capsys, monkeypatch):
    monkeypatch.setenv("FOOTFALL_AUTH", "nobody-of-these:not the password")
    monkeypatch.setattr("footfall_client.calls._ATTEMPTS_MAX", 1)
    for url, why in ((shared.url, "REQUEST_UNAUTHORIZED"), ("http://127.0.0.1:9", "refused")):
        assert main(["outbox", "status", "--url", url, str(filled)]) == 1
        text = capsys.readouterr().out
        assert "4 events tracked, 2 acknowledged" in text
        assert f"no receipts from {url}: " in text
        assert why in text.splitlines()[-1]
    assert main(["outbox", "status", "--url", shared.url, "--json", str(filled)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["sent"][0]["events_by_status"] == {"acknowledged": 2}
    assert "REQUEST_UNAUTHORIZED" in told["receipts_failure"]


def test_rejects_are_listed_and_forgotten(filled, capsys):
    assert main(["outbox", "rejects", "--drop", str(filled)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    reject = json.loads(line)
    assert reject["event"]["type"] == "NOPE"
    assert "not in the tracking plan" in reject["reason"]
    assert main(["outbox", "rejects", str(filled)]) == 0
    assert capsys.readouterr().out == ""


def test_retry_sends_what_waits(shared, filled, capsys):
    assert main(["outbox", "retry", "--url", "http://127.0.0.1:9", "--timeout", "0.3", str(filled)]) == 1
    assert "refused" in capsys.readouterr().out
    assert main(["outbox", "retry", "--url", shared.url, "--rejects", str(filled)]) == 0
    assert "0 events wait, 1 rejects were sent again, 1 rejects are kept" in capsys.readouterr().out


def test_to_look_makes_nothing(tmp_path, capsys):
    assert main(["outbox", "status", str(tmp_path / "none")]) == 1
    assert "is not there" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names alone
    (tmp_path / "notes").write_text("dear diary, " * 100)
    assert main(["outbox", "rejects", str(tmp_path / "notes")]) == 1
    assert "not a database" in capsys.readouterr().err
