"""What the processes of the service load, and when: what a process never needs must not lie in its memory."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

LOADED = "import sys; print(' '.join(sorted(name for name in sys.modules if '.' not in name)))"
BIG = {
    "alembic",
    "chdb",
    "litestar",
    "mako",
    "markdown_it",
    "numpy",
    "obstore",
    "pandas",
    "psycopg",
    "pyarrow",
    "sqlalchemy",
}
EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1_720_000_000_000,
    "context": ["string"],
}


@pytest.mark.parametrize(
    ("imports", "needed"),
    [
        ("footfall.cli.run, footfall.service.supervisor", set()),
        ("footfall.cli.run, footfall.service.worker_process", {"obstore", "sqlalchemy"}),
        ("footfall.cli.run, footfall.service.web_process", {"litestar", "obstore", "sqlalchemy"}),
    ],
    ids=["supervisor", "worker", "web"],
)
def test_a_process_imports_no_big_library_that_it_does_not_need(imports: str, needed: set[str]) -> None:
    code = f"import {imports}; {LOADED}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60)
    assert set(found.stdout.split()) & BIG == needed


def mapped(pid: int) -> set[str]:
    """The libraries for columns, and chDB, whose files a process has in its memory."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    files = {line.rsplit("/site-packages/")[-1] for line in maps.splitlines() if "/site-packages/" in line}
    return {re.split(r"[/._]", name.removeprefix("_"))[0] for name in files} & {"chdb", "numpy", "pandas", "pyarrow"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_running_service_loads_the_library_for_columns_with_the_first_such_report(serve) -> None:
    service = serve()  # one of its own: others have asked for columns
    service.post([EVENT])
    service.report(customer="BARCHART", product="PORTFOLIO")
    (web,), (worker,), (engine,) = (service.children(name) for name in ("web", "worker", "engine"))
    seen = {name: mapped(pid) for name, pid in (("serve", service.process.pid), ("web", web), ("worker", worker))}
    assert seen == {"serve": set(), "web": set(), "worker": set()}
    assert "chdb" in mapped(engine)
    wanted = {"filter": {"customer": "BARCHART", "product": "PORTFOLIO"}, "output": {"format": "parquet"}}
    source = service.client.post("/reports", json=wanted).raise_for_status().json()["source"]
    assert service.wait(source)["status"] == "COMPLETE"
    assert "pyarrow" in mapped(worker)


class Refused:
    """A `footfall serve` that does not come to serve: what it said, and what it left in its data folder."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "footfall", "serve", "--data-dir", str(folder), "--port", "0"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.status, self.told = done.returncode, done.stderr
        self.left = {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("settings", "told", "status", "left"),
    [
        ({"PLAN": "{broken}"}, "the tracking plan is broken", 78, {"serve.lock"}),
        ({"STATE_URL": "postgresql://u:p@127.0.0.1:1/d"}, "the state database cannot be used", 1, {"serve.lock"}),
        ({"ADMIN_PASSWORD": "short"}, "a password has at least", 78, {"serve.lock", "state.db", "state.db.lock"}),
        (
            {"DESTINATIONS": json.dumps({"lake": {"url": "s3://lake", "options": {"timeout": "soon"}}})},
            "the destination 'lake' cannot be opened",
            78,
            {"files", "serve.lock"},
        ),
    ],
    ids=["plan", "state", "password", "destination"],
)
def test_what_cannot_serve_says_why_once_and_opens_nothing(
    settings: dict[str, str], told: str, status: int, left: set[str], tmp_path: Path, environment: dict[str, str]
) -> None:
    broken = tmp_path / "plan.toml"
    broken.write_text("this is no plan")
    given = {f"FOOTFALL_{name}": value.replace("{broken}", str(broken)) for name, value in settings.items()}
    refused = Refused(tmp_path / "data", environment | given)
    assert refused.status == status
    assert refused.told.count(told) == 1
    assert "Traceback" not in refused.told
    assert refused.left == left


def test_a_second_supervisor_says_so_and_leaves_the_first_alone(shared, environment: dict[str, str]) -> None:
    refused = Refused(shared.folder, environment)
    assert (refused.status, refused.told.count("another footfall serves the data")) == (1, 1)
    assert shared.post([EVENT]).status_code == 200


def test_the_password_of_the_first_user_is_told_at_the_first_start_alone(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "footfall", "serve", "--data-dir", str(tmp_path / "data"), "--port", "0"]
    told = []
    for _ in range(2):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            banner = ""
            while "  try " not in banner:
                banner += (line := process.stdout.readline())
                assert line, banner
            told.append(re.findall(r"user +admin, password (\S+)", banner))
            url = re.search(r"listening on (\S+)", banner).group(1)
            answer = httpx.get(f"{url}/service/authenticate", auth=("admin", told[0][0]), timeout=60)
            assert answer.status_code == 200
            process.send_signal(signal.SIGTERM)
    assert [len(passwords) for passwords in told] == [1, 0]


def test_nothing_is_opened_during_the_preparations_and_a_stop_leaves_nothing_running(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # A state that takes the connection and never answers.
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d?connect_timeout=60"
        command = [sys.executable, "-m", "footfall", "serve", "--data-dir", str(tmp_path / "data"), "--port", "0"]
        process = subprocess.Popen(command, env=environment | {"FOOTFALL_STATE_URL": url}, start_new_session=True)
        connection, _ = silent.accept()
        with connection:
            # Time for a web process to go on where it should wait.
            time.sleep(2)
            assert {path.name for path in (tmp_path / "data").iterdir()} == {"serve.lock"}
            # To all processes at once, as a service manager does.
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(60) == 0
            deadline = time.monotonic() + 60
            while alive(process.pid):
                assert time.monotonic() < deadline
                time.sleep(0.05)


def alive(group: int) -> str:
    found = subprocess.run(["pgrep", "-g", str(group)], capture_output=True, text=True, check=False)
    return found.stdout


@pytest.fixture
def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
