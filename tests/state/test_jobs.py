import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from programs import program

from footfall.state import Job, JobStatus, State
from footfall.system.clock import SystemClock
from footfall.wire import ReportFilter, ReportOutput

FILTER = ReportFilter(customer="BARCHART", product="PORTFOLIO")


def job(user: str = "alice", started_ms: int = 0, **fields: Any) -> Job:
    given = {"filter": FILTER, "started_ms": started_ms, "watermark_ms": started_ms}
    return Job(id=str(uuid.uuid4()), user=user, account=user, **(given | fields))


def add(state: State, *jobs: Job) -> None:
    for each in jobs:
        state.jobs.add(each)


def finish(state: State, job_id: str, owner: str, ended_ms: int = 10, reason: str | None = None) -> bool:
    status = JobStatus.FAILED if reason else JobStatus.COMPLETE
    return state.jobs.finish(job_id, owner, status, ended_ms, rows=3, bytes=99, sha256="ab", reason=reason)


@pytest.mark.parametrize(
    "added",
    [
        job(),
        job(
            "Zoë",
            filter=ReportFilter(customer="T\x00", product="A'B\"", types=("X", "Y"), start=-1, end=2**53),
            delimiter="\t",
            header=True,
            format="parquet",
            compression="zstd",
            times="rfc3339",
            safe=True,
            basis="received",
            duplicates="drop",
            destination="lake",
            destination_key="a/b.csv",
            schedule="s",
            output=ReportOutput(delimiter="\t", bucketName="b"),
            status=JobStatus.COMPLETE,
            started_ms=2**53,
            watermark_ms=2**53 - 1,
            since_ms=0,
            ended_ms=2**53 + 1,
            owner="o",
            lease_until_ms=5,
            tries=2,
            stops=1,
            rows=2**40,
            bytes=2**41,
            rows_total=2**42,
            progress=0.5,
            sha256="0" * 64,
            reason="why",
            duplicates_found=2**43,
            manifest="{}",
            file="a.csv",
            expired=True,
            removed=True,
        ),
        job(output=ReportOutput()),
        msgspec.structs.replace(job(), filter=ReportFilter(customer="", product="", types=())),
    ],
)
def test_a_job_comes_back_as_added(state: State, added: Job) -> None:
    state.jobs.add(added)
    assert state.jobs.get(added.id) == added


@pytest.mark.parametrize("job_id", ["", "unknown", "\x00", "\ud800", "é", "'"])
def test_an_unknown_job_is_none(state: State, job_id: str) -> None:
    assert state.jobs.get(job_id) is None


def test_the_newest_jobs_come_first(state: State) -> None:
    jobs = [job(user, started_ms) for started_ms, user in enumerate(["alice", "bob", "alice", "bob", "alice"])]
    add(state, *jobs)
    cases: list[tuple[str | None, int, tuple[int, str] | None, list[int]]] = [
        (None, 10, None, [4, 3, 2, 1, 0]),
        (None, 2, None, [4, 3]),
        ("alice", 10, None, [4, 2, 0]),
        ("alice", 1, (4, ""), [2]),
        ("bob", 10, (1, ""), []),
        ("carol", 10, None, []),
    ]
    for user, limit, before, expected in cases:
        assert [found.started_ms for found in state.jobs.newest(user, limit, before)] == expected


def test_a_list_goes_on_exactly_among_jobs_of_the_same_moment(state: State) -> None:
    add(state, *(job(started_ms=number // 5) for number in range(12)))
    listed, before = [], None
    while page := state.jobs.newest("alice", 3, before):
        listed += page
        before = (page[-1].started_ms, page[-1].id)
    assert listed == state.jobs.newest("alice", 100, None)
    assert len({each.id for each in listed}) == 12


def test_a_claim_leases_the_oldest_job(state: State) -> None:
    old, new = job(started_ms=1), job(started_ms=2)
    add(state, new, old)
    before_ms = SystemClock().now_ms()
    claimed = state.jobs.claim("worker", 500)
    assert claimed
    assert claimed.lease_until_ms
    # The database is on this machine; its clock may round.
    assert before_ms + 499 <= claimed.lease_until_ms <= SystemClock().now_ms() + 501
    assert claimed == msgspec.structs.replace(old, owner="worker", lease_until_ms=claimed.lease_until_ms, tries=1)
    assert claimed == state.jobs.get(old.id)


def test_there_may_be_nothing_to_claim(state: State) -> None:
    add(state, job(status=JobStatus.COMPLETE, ended_ms=1))
    assert state.jobs.claim("worker", 60_000) is None


def test_claims_go_between_users(state: State) -> None:
    many = [job("many", started_ms) for started_ms in range(4)]
    few = [job("few", started_ms) for started_ms in (10, 11)]
    late = job("late", 20)
    add(state, *many, *few, late)
    order = [claimed.user for _ in range(7) if (claimed := state.jobs.claim("worker", 60_000))]
    assert order == ["many", "few", "late", "many", "few", "many", "many"]


def test_a_finished_job_and_a_lost_lease_count_no_longer(state: State) -> None:
    first, second, third = (job("alice", number) for number in (1, 2, 3))
    add(state, first, second, third)
    assert state.jobs.claim("one", 60_000) == state.jobs.get(first.id)
    assert finish(state, first.id, "one")
    assert state.jobs.claim("two", 0) == state.jobs.get(second.id)
    later = state.jobs.claim("three", 60_000)
    assert (later and later.id) == second.id


def test_users_take_turns_also_where_one_job_runs_at_a_time(state: State) -> None:
    add(state, *(job("many", number) for number in range(20)), job("few", 30), job("few", 31), job("late", 40))
    order = []
    for now_ms in range(100, 124):
        claimed = state.jobs.claim(str(now_ms), 60_000)
        assert claimed
        order.append(claimed.user)
        assert finish(state, claimed.id, str(now_ms), ended_ms=now_ms)
        if len(order) == 1:
            add(state, job("new", now_ms))
    assert order[:8] == ["many", "few", "late", "new", "many", "few", "many", "many"]


def test_a_job_that_was_given_back_counts_a_stop_and_goes_to_the_next(state: State) -> None:
    only = job()
    add(state, only)
    for stops in range(1, 11):
        assert state.jobs.claim(f"worker {stops}", 60_000)
        assert state.jobs.release(only.id, f"worker {stops}")
        assert not state.jobs.release(only.id, "another")
        now = state.jobs.get(only.id)
        assert (now and now.tries, now and now.stops) == (stops, stops)
    claimed = state.jobs.claim("last", 60_000)
    assert claimed
    assert (claimed.tries, claimed.stops) == (11, 10)


def test_a_cancelled_job_has_ended_for_its_owner_too(state: State) -> None:
    only = job()
    add(state, only)
    state.jobs.claim("worker", 60_000)
    assert state.jobs.is_held(only.id, "worker")
    assert not state.jobs.is_held(only.id, "another")
    assert state.jobs.cancel(only.id, 500, "cancelled")
    ended = state.jobs.get(only.id)
    assert ended
    assert (ended.status, ended.ended_ms, ended.reason) == (JobStatus.FAILED, 500, "cancelled")
    assert not state.jobs.is_held(only.id, "worker")
    assert not state.jobs.release(only.id, "worker")
    assert not state.jobs.record_progress(only.id, "worker", 1, 1, 1, 0.5)
    assert not finish(state, only.id, "worker")
    assert not state.jobs.cancel(only.id, 700, "again")
    assert state.jobs.get(only.id) == ended


def test_a_watermark_is_pinned_by_the_owner_only(state: State) -> None:
    only = job()
    add(state, only)
    state.jobs.claim("worker", 60_000)
    assert not state.jobs.pin_watermark(only.id, "another", 5)
    assert state.jobs.pin_watermark(only.id, "worker", 7)
    now = state.jobs.get(only.id)
    assert (now and now.watermark_ms) == 7


def test_a_lease_that_ran_out_goes_to_another(state: State) -> None:
    only = job()
    add(state, only)
    state.jobs.claim("old", 60_000)
    assert state.jobs.claim("new", 60_000) is None
    assert state.jobs.renew(only.id, "old", 0)
    again = state.jobs.claim("new", 60_000)
    assert again is not None
    assert again == msgspec.structs.replace(only, owner="new", lease_until_ms=again.lease_until_ms, tries=2)
    assert not state.jobs.renew(only.id, "old", 90_000)
    assert not state.jobs.record_progress(only.id, "old", 1, 1, 1)
    assert not finish(state, only.id, "old")
    assert state.jobs.get(only.id) == again


def test_the_owner_renews_reports_and_finishes(state: State) -> None:
    only = job()
    add(state, only)
    state.jobs.claim("worker", 60_000)
    claimed = state.jobs.get(only.id)
    assert state.jobs.renew(only.id, "worker", 120_000)
    assert state.jobs.claim("other", 60_000) is None
    assert state.jobs.record_progress(only.id, "worker", 1, 2, 30, 0.25)
    running = state.jobs.get(only.id)
    assert claimed
    assert running
    assert (running.rows, running.bytes, running.rows_total) == (1, 2, 30)
    assert (running.lease_until_ms or 0) >= (claimed.lease_until_ms or 0) + 60_000
    assert running.progress == 0.25
    assert finish(state, only.id, "worker", ended_ms=4_000)
    expected = {"status": JobStatus.COMPLETE, "ended_ms": 4_000, "rows": 3, "bytes": 99, "sha256": "ab"}
    assert state.jobs.get(only.id) == msgspec.structs.replace(running, lease_until_ms=None, **expected)


def test_an_ended_job_stays_as_it_ended(state: State) -> None:
    only = job()
    add(state, only)
    state.jobs.claim("worker", 60_000)
    finish(state, only.id, "worker", reason="first")
    ended = state.jobs.get(only.id)
    assert not finish(state, only.id, "worker", reason="second")
    assert not state.jobs.renew(only.id, "worker", 90_000)
    assert not state.jobs.record_progress(only.id, "worker", 9, 9, 9)
    assert state.jobs.claim("worker", 60_000) is None
    assert state.jobs.get(only.id) == ended


def test_an_odd_reason_does_not_keep_a_job_from_ending(state: State) -> None:
    only = job()
    add(state, only)
    state.jobs.claim("worker", 60_000)
    assert finish(state, only.id, "worker", reason="at \x00 and \ud800" + "x" * 10_000)
    ended = state.jobs.get(only.id)
    assert ended
    assert ended.reason
    assert ended.reason.startswith("at  and ?xxx")
    assert len(ended.reason) < 3_000


def test_a_job_that_failed_keeps_what_its_order_had_to_say(state: State) -> None:
    added = job(manifest='{"warnings":["unknown type A"]}')
    add(state, added)
    state.jobs.claim("w1", 60_000)
    assert finish(state, added.id, "w1", reason="the disk is full")
    ended = state.jobs.get(added.id)
    assert (ended and ended.manifest) == added.manifest


def test_jobs_expire_once_after_they_ended(state: State) -> None:
    running = job()
    ended = [job(status=JobStatus.COMPLETE, ended_ms=ended_ms) for ended_ms in (30, 10, 20)]
    add(state, running, *ended)
    assert [found.ended_ms for found in state.jobs.with_file_to_remove(30)] == [10, 20]
    assert state.jobs.expire(ended[1].id)
    assert not state.jobs.expire(ended[1].id)
    assert [found.ended_ms for found in state.jobs.with_file_to_remove(0)] == [10]
    assert state.jobs.record_removal(ended[1].id)
    assert not state.jobs.record_removal(ended[1].id)
    assert not state.jobs.record_removal(ended[0].id)
    assert not state.jobs.expire(running.id)
    assert not state.jobs.expire("unknown")
    assert [found.ended_ms for found in state.jobs.with_file_to_remove(31)] == [20, 30]


def test_threads_claim_each_job_once(state: State) -> None:
    jobs = [job(f"user{number % 3}", number) for number in range(40)]
    add(state, *jobs)

    def claim_all(owner: str) -> list[str]:
        claimed = []
        while found := state.jobs.claim(owner, 60_000):
            assert (found.owner, found.tries) == (owner, 1)
            claimed.append(found.id)
        return claimed

    with ThreadPoolExecutor(8) as pool:
        claimed = [job_id for each in pool.map(claim_all, map(str, range(8))) for job_id in each]
    assert sorted(claimed) == sorted(each.id for each in jobs)


def test_processes_claim_each_job_once(state: State, url: str) -> None:
    jobs = [job(f"user{number % 3}", number) for number in range(40)]
    add(state, *jobs)
    command = [sys.executable, "-W", "error", program("claim_all_jobs"), url]
    processes = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, encoding="utf-8") for number in range(4)
    ]
    claimed = [job_id for process in processes for job_id in process.communicate(timeout=120)[0].split()]
    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(claimed) == sorted(each.id for each in jobs)


def test_a_lost_lease_is_claimed_by_one_of_many(state: State) -> None:
    only = job()
    add(state, only)
    state.jobs.claim("dead", 0)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda number: state.jobs.claim(str(number), 60_000), range(16)))
    assert [claim.tries for claim in claims if claim] == [2]


def test_jobs_are_counted_by_status(state: State) -> None:
    assert state.jobs.count_by_status() == {}
    first, second, third = job(), job(), job()
    add(state, first, second, third)
    for _ in range(2):
        claimed = state.jobs.claim("o", 60_000)
        assert claimed
        assert finish(state, claimed.id, "o", reason="why")
    assert state.jobs.count_by_status() == {JobStatus.RUNNING: 1, JobStatus.FAILED: 2}


def test_a_finished_job_knows_its_duplicates(state: State) -> None:
    added = job(duplicates="drop")
    add(state, added)
    assert state.jobs.claim("o", 60_000)
    assert state.jobs.finish(added.id, "o", JobStatus.COMPLETE, 10, 3, 99, "ab", None, duplicates=7)
    found = state.jobs.get(added.id)
    assert found
    assert (found.duplicates, found.duplicates_found) == ("drop", 7)
