"""The file of an outbox while no service answers: bounds, policies, a full disk, several processes, forks."""

import gzip
import json
import multiprocessing
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from footfall_client import Outbox, OutboxBroken, OutboxClosed, OutboxFull, OutboxOptions
from footfall_client.encoding import lines_of
from small_disk import small_disk

NOWHERE = "http://127.0.0.1:9"
EVENT = {"customer": "ACME", "product": "SHOP", "type": "SHOP-OPENED", "context": ["ada"], "timestamp": 1571029200000}
Open = Callable[..., Outbox]


@pytest.fixture
def open_outbox(tmp_path: Path) -> Iterator[Open]:
    """Opens outboxes, by default on one file, that nobody takes the events of."""
    opened = []

    def make(path: Path | None = tmp_path / "outbox", **options: Any) -> Outbox:
        names = set(OutboxOptions.__dataclass_fields__)
        sizes = {name: options.pop(name) for name in list(options) if name in names}
        options = {"options": OutboxOptions(**sizes), "handle_sigterm": False, **options}
        opened.append(Outbox(path, NOWHERE, **options))
        return opened[-1]

    yield make
    for outbox in opened:
        outbox.close(0)


def numbers(path: Path) -> list[int]:
    """The times of the events that wait in a file."""
    with sqlite3.connect(path) as connection:
        batches = connection.execute("SELECT body FROM batches ORDER BY id").fetchall()
        chunks = connection.execute("SELECT lines FROM chunks ORDER BY id").fetchall()
    connection.close()
    lines = [line for (body,) in batches for line in lines_of(gzip.decompress(body))]
    lines += [line for (body,) in chunks for line in body.split(b"\n")]
    return [json.loads(line)["timestamp"] for line in lines]


def consume(each: Iterable[object]) -> None:
    for _ in each:
        pass


def test_an_event_is_in_the_file_when_track_returns(open_outbox: Open, tmp_path: Path) -> None:
    outbox = open_outbox(batch_age_max_s=60)
    for number in range(20):
        outbox.track(**{**EVENT, "timestamp": number})
        assert numbers(tmp_path / "outbox") == list(range(number + 1))


def test_threads_share_commits(open_outbox: Open, tmp_path: Path) -> None:
    outbox = open_outbox(batch_age_max_s=60)

    def track(first: int) -> None:
        for number in range(first, first + 50):
            outbox.track(**{**EVENT, "timestamp": number})

    threads = [threading.Thread(target=track, args=(1000 * each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers(tmp_path / "outbox")) == sorted(1000 * each + at for each in range(8) for at in range(50))
    with sqlite3.connect(tmp_path / "outbox") as connection:
        (commits,) = connection.execute("SELECT count(*) FROM chunks").fetchone()
    connection.close()
    assert commits < 400


def test_many_events_are_one_commit(open_outbox: Open, tmp_path: Path) -> None:
    outbox = open_outbox(batch_age_max_s=60, batch_events_max=100)
    assert outbox.track_many({**EVENT, "timestamp": number} for number in range(90)) == 90
    assert outbox.track_many([]) == 0
    assert numbers(tmp_path / "outbox") == list(range(90))
    assert outbox.stats().waiting == 90


def test_a_bad_event_of_many_takes_none(open_outbox: Open) -> None:
    outbox = open_outbox()
    with pytest.raises(TypeError):
        outbox.track_many([EVENT, {**EVENT, "customer": 1}])
    assert outbox.stats().tracked == 0


def test_events_of_the_background_are_on_the_disk_soon(open_outbox: Open, tmp_path: Path) -> None:
    outbox = open_outbox(durable="background", batch_age_max_s=60)
    for number in range(1000):
        outbox.track(**{**EVENT, "timestamp": number})
    outbox.close(1)
    assert numbers(tmp_path / "outbox") == list(range(1000))


def test_a_closed_outbox_takes_nothing(open_outbox: Open) -> None:
    outbox = open_outbox()
    outbox.close(0)
    with pytest.raises(OutboxClosed):
        outbox.track(**EVENT)


def test_a_full_outbox_raises(open_outbox: Open, caplog: pytest.LogCaptureFixture) -> None:
    outbox = open_outbox(when_full="raise", file_bytes_max=300_000, batch_age_max_s=60)
    events = [{**EVENT, "context": ["x" * 1000]}] * 50
    with pytest.raises(OutboxFull, match="of 300000"):
        consume(outbox.track_many(events) for _ in range(20))
    kept = outbox.stats()
    assert kept.tracked == kept.waiting > 0
    assert not outbox.healthy()
    assert "cannot put" in caplog.text
    assert (outbox.options.file_bytes_max, kept.dropped) == (300_000, 0)


def test_a_full_outbox_drops_the_oldest_and_counts_them(
    open_outbox: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = open_outbox(when_full="drop_oldest", file_bytes_max=300_000, batch_age_max_s=60)
    for number in range(400):
        outbox.track(**{**EVENT, "timestamp": number, "context": ["x" * 1000]})
    kept = outbox.stats()
    assert kept.dropped > 100
    assert kept.waiting + kept.dropped == kept.tracked == 400
    assert numbers(tmp_path / "outbox") == list(range(kept.dropped, 400))
    assert "dropped" in caplog.text


def test_a_full_outbox_has_its_callers_wait_for_room(open_outbox: Open, tmp_path: Path) -> None:
    outbox = open_outbox(when_full="block", file_bytes_max=300_000, batch_age_max_s=60)
    done = threading.Event()

    def track() -> None:
        for number in range(300):
            outbox.track(**{**EVENT, "timestamp": number, "context": ["x" * 1000]})
        done.set()

    threading.Thread(target=track, daemon=True).start()
    assert not done.wait(2)
    with sqlite3.connect(tmp_path / "outbox") as connection:  # room is made, as the sender would
        connection.execute("DELETE FROM chunks")
    connection.close()
    assert done.wait(20)
    assert outbox.stats().tracked == 300
    assert outbox.healthy()


@pytest.mark.parametrize("when_full", ["raise", "drop_oldest"])
def test_a_full_disk_breaks_nothing(
    open_outbox: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture, when_full: str
) -> None:
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        outbox = open_outbox(disk / "outbox", when_full=when_full, batch_age_max_s=60)
        took = []

        def track() -> None:
            for number in range(2000):
                outbox.track(**{**EVENT, "timestamp": number, "context": ["x" * 1000]})
                took.append(number)

        if when_full == "raise":
            with pytest.raises(OutboxFull, match=r"full|I/O"):
                track()
        else:
            track()
        assert "full" in caplog.text or "I/O" in caplog.text or "no room" in caplog.text
        stats = outbox.stats()
        assert stats.dropped + stats.waiting == len(took) > 0
        assert (len(took) < 2000) is (when_full == "raise")
        outbox.close(0)
        with sqlite3.connect(disk / "outbox") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


def test_a_full_disk_of_an_outbox_in_the_background_is_told_and_loses_nothing_once_there_is_room(
    open_outbox: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk", 8 * 1024 * 1024) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(7_800_000))
        outbox = open_outbox(
            disk / "outbox", when_full="raise", batch_age_max_s=60, durable="background", queue_bytes_max=300_000
        )
        took: list[int] = []
        deadline = time.monotonic() + 60
        refused = 0
        while not (refused and "cannot put" in caplog.text):
            assert time.monotonic() < deadline
            try:
                outbox.track(**{**EVENT, "timestamp": len(took), "context": ["x" * 1000]})
                took.append(len(took))
            except OutboxFull:
                refused += 1
                time.sleep(0.01)
        ballast.unlink()
        while len(kept := numbers(disk / "outbox")) < len(took):
            assert time.monotonic() < deadline + 60
            time.sleep(0.05)
        assert sorted(kept) == took
        outbox.close(0)
        with sqlite3.connect(disk / "outbox") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


def test_what_is_no_outbox_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("dear diary, " * 1000)
    with pytest.raises(OutboxBroken, match=r"notes\.txt"):
        Outbox(tmp_path / "notes.txt", NOWHERE)
    with pytest.raises(OutboxBroken):
        Outbox(tmp_path / "no folder" / "outbox", NOWHERE)


@pytest.mark.parametrize(
    "wrong",
    [{"when_full": "panic"}, {"durable": "yes"}, {"path": None}, {"url": "events.example.com"}, {"url": "ftp://a"}],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"durable|when_full|no address"):
        Outbox(**{"path": tmp_path / "outbox", "url": NOWHERE, **wrong})
    with pytest.raises(ValueError, match="file_bytes_max"):
        OutboxOptions(file_bytes_max=1)


def test_one_outbox_of_a_file_sends(open_outbox: Open) -> None:
    first = open_outbox()
    end = time.monotonic() + 60
    while not first.stats().is_sender and time.monotonic() < end:
        time.sleep(0.01)
    second = open_outbox()
    assert not second._sender.volunteer()
    assert (first.stats().is_sender, second.stats().is_sender) == (True, False)
    first.close(0)
    while not second.stats().is_sender and time.monotonic() < end:
        time.sleep(0.01)
    assert second.stats().is_sender


def test_failures_are_told(
    open_outbox: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("footfall_client.sender._LOUD_AFTER_S", (0.1, 0.4, 60))
    outbox = open_outbox(batch_age_max_s=0.01, backoff_min_s=0.02, backoff_max_s=0.02, unhealthy_after_s=0.3)
    outbox.track(**EVENT)
    assert not outbox.flush(1)
    stats = outbox.stats()
    assert (stats.waiting, stats.batches) == (1, 1)
    assert stats.failing_s > 0.3
    assert "refused" in stats.last_failure
    assert not outbox.healthy()
    said = [record.levelname for record in caplog.records if "cannot send" in record.message]
    assert said == ["WARNING", "ERROR"]


def test_a_child_has_an_outbox_of_its_own(open_outbox: Open, tmp_path: Path) -> None:
    outbox = open_outbox(durable="background", batch_age_max_s=60, commit_interval_s=0.2)
    outbox.track(**{**EVENT, "timestamp": 1})  # in memory while the process forks: the parent's to commit
    child = os.fork()
    if child == 0:
        try:
            for number in range(100, 150):
                outbox.track(**{**EVENT, "timestamp": number})
            os._exit(0 if outbox._committer.wait(10) and not outbox.stats().is_sender else 1)
        finally:
            os._exit(2)
    for number in range(2, 50):
        outbox.track(**{**EVENT, "timestamp": number})
    assert os.waitpid(child, 0)[1] == 0
    assert outbox._committer.wait(10)
    assert sorted(numbers(tmp_path / "outbox")) == [*range(1, 50), *range(100, 150)]


def track_and_end(path: Path, first: int) -> None:
    outbox = Outbox(path, NOWHERE, durable="background", options=OutboxOptions(exit_timeout_s=1, batch_age_max_s=60))
    for number in range(first, first + 50):
        outbox.track(**{**EVENT, "timestamp": number})


INHERITED: list[Outbox] = []


def track_inherited(first: int) -> None:
    for number in range(first, first + 50):
        INHERITED[0].track(**{**EVENT, "timestamp": number})


@pytest.mark.parametrize("method", ["fork", "spawn", "inherited"])
def test_children_of_multiprocessing_leave_nothing_behind(open_outbox: Open, tmp_path: Path, method: str) -> None:
    context: Any = multiprocessing.get_context("spawn" if method == "spawn" else "fork")
    outbox = open_outbox(durable="background", exit_timeout_s=1, batch_age_max_s=60)
    INHERITED[:] = [outbox]
    target = (track_inherited, (1000,)) if method == "inherited" else (track_and_end, (tmp_path / "outbox", 1000))
    children = [context.Process(target=target[0], args=target[1]) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    assert outbox.stats().tracked == 100


def test_a_fork_while_threads_track_holds_nothing_up(open_outbox: Open) -> None:
    outbox = open_outbox(batch_age_max_s=60)
    stop = threading.Event()

    def track() -> None:
        while not stop.is_set():
            outbox.track(**EVENT)

    threads = [threading.Thread(target=track) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        child = os.fork()
        if child == 0:
            try:
                outbox.track(**EVENT)
                os._exit(0)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert outbox.stats().waiting == outbox.stats().tracked > 20
