"""`footfall alerts test` against a real receiver: what it sends, and what it says of the answer."""

import base64
import hashlib
import hmac
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from all_commands import run
from receivers import receiving

from footfall.settings import Settings
from footfall.system import files
from footfall.system.served_settings import shared_settings

SECRET = "a_secret_of_more_than_sixteen_bytes"


def test_it_sends_a_signed_message_and_shows_what_came_back(tmp_path: Path) -> None:
    with receiving() as receiver:
        told = run(f"--set alert_url={receiver.url} --set alert_secret={SECRET} alerts test", tmp_path / "data")
        ((path, headers, body),) = receiver.received
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(SECRET.encode(), signed, hashlib.sha256)).decode()
    assert (path, headers["webhook-signature"]) == ("/hook?for=us", f"v1,{expected}")
    said = json.loads(body)
    assert (said["type"], said["data"]["kind"], said["data"]["subject"]) == ("alert.test", "test", {})
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.startswith(f"localhost took {headers['webhook-id']}: status 204 after ")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("status", "advice"),
    [(307, "no redirect is followed"), (401, "compare alert_secret"), (404, "compare alert_url"), (503, "again")],
)
def test_what_a_receiver_does_not_take_is_told_with_what_to_do(status: int, advice: str, tmp_path: Path) -> None:
    with receiving() as receiver:
        receiver.replies[:] = [(status, {"location": receiver.url})]
        receiver.body = b"no\x1b[2J such\nthing" + b"x" * 1000
        told = run(f"--set alert_url={receiver.url} --set alert_secret={SECRET} alerts test", tmp_path)
        assert len(receiver.received) == 1
    (said,) = told.stderr.splitlines()
    assert (told.exit_code, told.stdout) == (1, "")
    assert said.startswith(f"Error: localhost did not take the test message: status {status} after ")
    assert "no\\u001b[2J such thingxx" in said
    assert advice in said
    assert "for=us" not in said
    assert len(said) < 500


def test_a_receiver_that_is_away_or_not_set_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/secret"
    told = run(f"--set alert_url={url} --set alert_secret={SECRET} alerts test", tmp_path)
    assert told.stderr.startswith("Error: no answer to the test message: 127.0.0.1:")
    assert "/secret" not in told.stderr
    assert run("alerts test", tmp_path).stderr.startswith("Error: alert_url is not set")


def test_a_receiver_that_only_the_service_knows_is_asked_for(tmp_path: Path) -> None:
    served = Settings(data_dir=str(tmp_path), alert_url="http://127.0.0.1:9/x", alert_secret=SECRET)
    with files.lock_file(tmp_path / "serve.lock"), shared_settings(served, 8123):
        told: Any = run("alerts test", tmp_path)
    assert (told.exit_code, "the service on" in told.stderr, "alert_url" in told.stderr) == (78, True, True)
