"""`footfall doctor`: real faults of a real node, each found in its area with a way to mend it; nothing is changed."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner
from small_disk import small_disk

from footfall.cli import main
from footfall.doctor import NodeToCheck, Severity, examine_node
from footfall.settings import Settings
from footfall.system.clock import SystemClock

EVENT = {
    "customer": "TGAM",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1_300_000_000_000,
    "context": ["ada"],
}
IS_ROOT = os.geteuid() == 0


def doctor(data: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what was told as JSON."""
    line = ["--set", "port=0", "--data-dir", str(data), *words, "doctor", "--json"]
    told = CliRunner().invoke(main, line, prog_name="footfall", catch_exceptions=False, env={"FOOTFALL_CONFIG": None})
    return told.exit_code, json.loads(told.stdout)


def bad(told: dict[str, Any]) -> dict[str, str]:
    """The faults and warnings by area, each of which has a remedy."""
    wrong = [one for one in told["results"] if one["severity"] != "ok"]
    assert all(one["remedy"] for one in wrong)
    return {one["area"]: f"{one['severity']}: {one['text']}" for one in wrong}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, shared) -> Path:
    """The data folder of a service that has stopped, with an event in its store; tests copy it."""
    run = type(shared)(tmp_path_factory.mktemp("doctor") / "data", web_processes=1)
    run.post([EVENT]).raise_for_status()
    assert run.stop() == 0
    (run.folder / "log").unlink()
    run.folder.chmod(0o700)
    return run.folder


@pytest.fixture
def data(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "data", copy_function=shutil.copy2))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def test_a_sound_node_has_no_fault_and_stays_as_it_is(data):
    before = content(data)
    code, told = doctor(data)
    assert (code, told["faults"], bad(told)) == (0, 0, {"backup": "warning: no backup was made from this folder"})
    areas = [one["area"] for one in told["results"]]
    assert {"settings", "disk", "clock", "versions", "plan", "service", "state", "journal", "engine"} <= set(areas)
    assert content(data) == before


def test_a_node_that_runs_is_looked_at_beside_its_service(shared):
    deadline = time.monotonic() + 60
    while (found := doctor(shared.folder, "--set", f"port={shared.port}"))[0]:  # its engine may still be starting
        assert time.monotonic() < deadline, bad(found[1])
    told = found[1]
    texts = {one["area"]: one["text"] for one in told["results"]}
    assert (texts["service"], texts["store"]) == (f"it takes events at {shared.url}", "it answers")
    line = ["--data-dir", str(shared.folder), "doctor", "--quiet"]
    assert "no fault" not in CliRunner().invoke(main, line, prog_name="footfall").output


def engine_file(data: Path, name: str) -> Path:
    return next((data / "engine" / "chdb").rglob(name))


def empty(data: Path, name: str) -> None:
    engine_file(data, name).write_bytes(b"")


def break_state(data: Path) -> None:
    file = data / "state.db"
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * (size - 4096))


def too_new(data: Path) -> None:
    with sqlite3.connect(data / "state.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


def turn_clock(data: Path) -> None:
    ahead_ms = time.time_ns() // 1_000_000 + 3_600_000
    (data / "clock").write_bytes(struct.pack("<qq", ahead_ms, 0))


def change_format(data: Path, **changed: object) -> None:
    found = json.loads((data / "format.json").read_bytes())
    (data / "format.json").write_text(json.dumps({**found, **changed}))


def open_folder(data: Path) -> None:
    data.chmod(0o755)
    (data / "state.db").chmod(0o644)


def set_aside(data: Path) -> None:
    (data / "aside").mkdir(exist_ok=True)
    (data / "aside" / "1300000000000-0a1b2c3d-000001.jsonl.zst").write_bytes(b"damaged")


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "empty engine file": (lambda data: empty(data, "checksums.txt"), "engine", "fault: 1 file of the engine without"),
    "empty table": (lambda data: empty(data, "events.sql"), "engine", "fault: 1 file of the engine without content: "),
    "broken part": (
        lambda data: (engine_file(data, "detached") / "broken-on-start_all_1_1_0").mkdir(),
        "engine",
        "warning: the engine has left out broken parts: ",
    ),
    "damaged state": (break_state, "state", "fault: "),
    "state of a later version": (too_new, "state", "fault: the state was brought to 9999 by a later version"),
    "no state": (lambda data: (data / "state.db").unlink(), "state", "warning: there is no state database"),
    "clock set back": (turn_clock, "clock", "fault: the machine's clock says "),
    "data of a later version": (lambda data: change_format(data, store=99), "versions", "fault: "),
    "data of an earlier one": (
        lambda data: change_format(data, footfall="0.0.1"),
        "versions",
        "warning: the folder was",
    ),
    "half a restore": (lambda data: (data / "restoring").mkdir(), "versions", "fault: a restore into this folder"),
    "open to others": (open_folder, "permissions", "fault: "),
    "set aside": (set_aside, "journal", "fault: 1 segment set aside, damaged or refused by the store: 13000"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_data_is_found_and_stays_as_it_is(data, name):
    damage, area, text = FAULTS[name]
    damage(data)
    before = content(data)
    code, told = doctor(data)
    assert bad(told)[area].startswith(text), bad(told)
    assert code == (1 if text.startswith("fault") else 0)
    assert content(data) == before


def test_faults_of_settings_and_surroundings_are_found(data, tmp_path):
    config = tmp_path / "footfall.toml"
    config.write_text('state_url = "postgresql://me:secret@127.0.0.1:9/none"\n')
    config.chmod(0o644)
    plan = tmp_path / "plan.toml"
    plan.write_text("nonsense = [")
    (data / "journal" / "1300000000000-0a1b2c3d-000001.jsonl.zst").write_bytes(b"x" * 100)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = (f"port={port}", f"plan={plan}", "journal_bytes_max=50", "disk_free_bytes_min=9000000000000000")
        line = [word for one in words for word in ("--set", one)]
        code, told = doctor(data, "--config", str(config), *line)
    found = bad(told)
    assert code == 1
    assert "secret" not in json.dumps(told)
    assert found["permissions"] == f"fault: {config} has a password or a key, and others may use it (644)"
    assert found["port"] == f"fault: port {port} of 127.0.0.1 is taken by another program"
    assert found["plan"].startswith(f"fault: {plan}")
    assert found["state"].startswith("fault: state database 127.0.0.1:9/none: ")
    assert found["journal"].startswith("fault: 1 segment, 0.0 MiB wait, more than journal_bytes_max")
    assert "fewer than disk_free_bytes_min" in found["disk"]


def test_a_key_that_others_can_read_and_one_of_another_certificate_are_found(data, tmp_path):
    for name in ("mine", "other"):
        issued = trustme.CA().issue_cert("localhost")
        issued.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        (tmp_path / f"{name}.key").chmod(0o600)
    found = []
    for key, mode in (("mine", 0o600), ("mine", 0o644), ("other", 0o600)):
        (tmp_path / f"{key}.key").chmod(mode)
        words = (f"tls_certificate={tmp_path}/mine.pem", f"tls_key={tmp_path}/{key}.key")
        found.append(bad(doctor(data, *(word for one in words for word in ("--set", one)))[1]).get("certificate"))
    assert found[0] is None
    assert found[1].startswith(f"fault: other users of this machine may use the key {tmp_path}/mine.key (644)")
    assert found[2].startswith(f"fault: {tmp_path}/mine.pem and {tmp_path}/other.key are no pair: ")


@pytest.mark.parametrize(
    ("begins_days", "ends_days", "told"),
    [
        (-30, 15, ""),
        (-30, 13, "warning: {} ends at {end}"),
        (-30, -1, "fault: {} ended at {end}"),
        (2, 30, "fault: {} begins at {begin}"),
        # The years from 2050 on are written in another form.
        (-30, 40 * 365, ""),
    ],
)
def test_a_certificate_that_ends_soon_has_ended_or_has_not_begun_is_found(data, tmp_path, begins_days, ends_days, told):
    now, pem = datetime.now(UTC), tmp_path / "mine.pem"
    begin, end = now + timedelta(days=begins_days), now + timedelta(days=ends_days)
    issued = trustme.CA().issue_cert("localhost", not_before=begin, not_after=end)
    issued.private_key_and_cert_chain_pem.write_to_path(pem)
    pem.chmod(0o600)
    found = bad(doctor(data, "--set", f"tls_certificate={pem}", "--set", f"tls_key={pem}")[1]).get("certificate", "")
    expected = told.format(pem, begin=f"{begin:%Y-%m-%d %H:%M:%S}", end=f"{end:%Y-%m-%d %H:%M:%S}")
    assert (found.startswith(expected), bool(found)) == (True, bool(told))


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a file to somebody else")
def test_a_file_of_another_user_is_found(data):
    os.chown(data / "clock", 12_345, -1)
    assert bad(doctor(data)[1])["permissions"].startswith(f"fault: 1 file is another user's: {data}/clock (#12345)")


def test_a_full_disk_is_found(stopped, tmp_path):
    with small_disk(tmp_path / "small", 64 * 1024 * 1024) as place:
        data = Path(shutil.copytree(stopped, place / "data"))
        (place / "ballast").write_bytes(bytes(os.statvfs(place).f_bavail * os.statvfs(place).f_frsize))
        code, told = doctor(data)
    assert (code, bad(told)["disk"][:18]) == (1, "fault: 0 MiB are f")


def test_a_journal_that_is_behind_is_found(sturdy):
    (worker,) = sturdy.children("worker")
    sturdy.post([EVENT]).raise_for_status()
    os.kill(worker, signal.SIGSTOP)
    try:
        sturdy.post([EVENT]).raise_for_status()
        deadline = time.monotonic() + 60
        while "journal" not in (found := bad(doctor(sturdy.folder, "--set", "alert_lag_s=1")[1])):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert found["journal"].startswith("fault: the store is ")


class ClockAhead:
    """A clock that is an hour ahead."""

    def now_ms(self) -> int:
        return SystemClock().now_ms() + 3_600_000


def test_a_clock_that_is_off_is_found_by_the_service_and_by_postgresql(shared, postgres, tmp_path):
    postgres.execute(f"CREATE DATABASE doctor TEMPLATE {postgres.migrated}")
    settings = Settings(data_dir=str(shared.folder), port=shared.port, state_url=postgres.url("doctor"))
    found = list(examine_node(NodeToCheck(settings=settings, clock=ClockAhead(), is_served=True)))
    texts = [(one.area, one.text) for one in found if one.severity is Severity.FAULT]
    (state,) = [text for area, text in texts if area == "state"]
    assert state.startswith("the clock of its machine is 3,6")
    assert state.endswith(" s behind this one's")
    assert [area for area, text in texts if text.endswith(" s off this one's")] == ["clock"]


def test_people_are_told_in_lines(data):
    set_aside(data)
    told = CliRunner().invoke(
        main, ["--set", "port=0", "--data-dir", str(data), "doctor", "--quiet"], prog_name="footfall"
    )
    lines = told.stdout.splitlines()
    assert lines[0].startswith("fault   journal       1 segment set aside")
    assert lines[1] == f"{'':22}-> footfall journal ls --state aside, then footfall journal repair FILE"
    assert (told.exit_code, told.stderr) == (1, "Error: 1 fault, 1 warning\n")
