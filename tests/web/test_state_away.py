"""A state database whose disk is full: what needs to write is refused for now, and everything else goes on."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from small_disk import small_disk
from sqlalchemy import event

FILTER = {"customer": "BARCHART", "product": "PORTFOLIO"}
TYPES = [f"{n:05}-{'x' * 60}" for n in range(500)]
SCHEDULE = {"every": "day", "filter": FILTER}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own for the state, where the system lets us make one."""
    with small_disk(tmp_path / "disk", 2 * 1024 * 1024) as place:
        (tmp_path / "state.db").symlink_to(place / "state.db")
        yield place


def fill(disk: Path) -> Path:
    """Fill the disk to the last byte; returns the file that does."""
    with closing(sqlite3.connect(disk / "state.db")) as connection:
        # Else the next writes find room in what is left of the write-ahead log.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return ballast


def check_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10"), answer.text
    (error,) = answer.json()["errors"] if isinstance(answer.json(), dict) else answer.json()
    assert error["value"]["code"] == "SERVICE_UNAVAILABLE"
    assert "state.db" not in answer.text


async def test_a_full_disk_refuses_for_now_what_would_write_and_nothing_else(
    service: Callable[..., Any], disk: Path
) -> None:
    async with service() as opened:
        source = f"JOB-{(await opened.complete()).id}"
        running = f"JOB-{(await opened.start()).id}"
        kept = (await opened.anna.post("/schedules", json=SCHEDULE)).json()["id"]
        # Signing in would make this hash again, by the parameters of now.
        old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("other words")
        opened.state.users.set_password("root", old)
        ballast = fill(disk)
        calls = [
            ("POST", "/reports", {"filter": FILTER}),
            ("POST", "/schedules", SCHEDULE),
            ("POST", f"/schedules/{kept}/pause", None),
            ("POST", f"/schedules/{kept}/resume", None),
            ("DELETE", f"/reports/{running}", None),
            ("DELETE", f"/schedules/{kept}", None),
            ("GET", f"/reports/{source}", None),  # The first link of all needs a secret.
        ]
        for method, path, body in calls:
            check_refused(await opened.anna.request(method, path, json=body))
        for path in ("/reports", f"/reports/{source}/availability", "/schedules", f"/schedules/{kept}"):
            assert (await opened.anna.get(path)).status_code == 200
        assert (await opened.client.get("/reports", auth=("root", "other words"))).status_code == 200
        ballast.unlink()
        for method, path, body in calls:
            assert (await opened.anna.request(method, path, json=body)).is_success


@pytest.mark.parametrize("path", ["/reports", "/schedules"])
async def test_a_database_that_may_not_grow_refuses_for_now(service: Callable[..., Any], path: str) -> None:
    async with service() as opened:
        engine = opened.state.database.engine
        event.listen(engine, "connect", lambda made, _: made.execute("PRAGMA max_page_count = 1").close())
        engine.dispose()
        body: dict[str, Any] = {"filter": {**FILTER, "types": TYPES}}
        if path == "/schedules":
            body["every"] = "day"
        for _ in range(5):
            answer = await opened.anna.post(path, json=body)
            if not answer.is_success:
                break
        check_refused(answer)
        assert (await opened.anna.get("/reports")).status_code == 200
