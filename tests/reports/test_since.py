"""Reports as of a time, of what came since another, and by the time of receipt."""

import json
from typing import Any

import pytest

from footfall import windows
from footfall.errors import Code, RequestRefused
from footfall.state import Job, JobStatus, User

NOW_MS = 1_760_000_000_000
BOB = User(id="bob", password_hash="", customers=("C",), created_ms=0)


async def order(
    place: Any, user: Any = None, *, duplicates: str = "keep", output: dict[str, Any] | None = None, **wanted: Any
) -> Job:
    body = {"filter": {"customer": "C", "product": "P"} | wanted, "output": output, "duplicates": duplicates}
    job = await place.desk.start(user or place.user, json.dumps(body).encode())
    assert isinstance(job, Job)
    return job


async def report(place: Any, **asked: Any) -> tuple[Job, list[str]]:
    """A finished report, and the first value of each event in it."""
    job = await order(place, **asked)
    async with place.running():
        done = await place.ended(job)
    assert done.status is JobStatus.COMPLETE, done.reason
    data = await place.read(done)
    return done, sorted(line.split("|")[2] for line in data.decode().splitlines())


def source(job: Job) -> str:
    return f"JOB-{job.id}"


async def refusal(place: Any, **asked: Any) -> tuple[Code, list[str]]:
    with pytest.raises(RequestRefused) as caught:
        await order(place, **asked)
    return caught.value.code, [str(problem) for problem in caught.value.problems]


async def refused(place: Any, **asked: Any) -> list[str]:
    before = len(place.state.jobs.newest(None, 100, None))
    code, problems = await refusal(place, **asked)
    assert code is Code.REQUEST_PARAMETER_MALFORMED
    assert len(place.state.jobs.newest(None, 100, None)) == before
    return problems


def admit(place: Any, *values: str, at: int, **given: Any) -> None:
    place.load({"context": [value], "admitted": at, "received": at} | given for value in values)


async def test_a_report_is_as_of_an_earlier_time(place) -> None:
    admit(place, "a", at=NOW_MS - 10)
    admit(place, "b", at=NOW_MS - 9)
    admit(place, "c", at=NOW_MS - 8)
    job, values = await report(place, output={"asOf": NOW_MS - 9})
    assert (job.watermark_ms, job.started_ms, values) == (NOW_MS - 9, NOW_MS, ["a", "b"])
    for as_of in (str(NOW_MS - 9), float(NOW_MS - 9)):
        assert (await report(place, output={"asOf": as_of}))[1] == ["a", "b"]
    assert (await report(place, output={"asOf": NOW_MS}))[1] == ["a", "b", "c"]
    assert (await report(place, output={"asOf": None}))[1] == ["a", "b", "c"]
    assert (await report(place, output={"asOf": -1}))[1] == []


async def test_the_watermark_of_a_report_makes_its_file_again(place) -> None:
    admit(place, "a", at=NOW_MS - 1)
    first, _ = await report(place)
    place.clock.ms += 1_000
    admit(place, "b", at=NOW_MS + 500)
    again, values = await report(place, output={"asOf": first.watermark_ms})
    assert (values, again.sha256, again.bytes) == (["a"], first.sha256, first.bytes)
    assert (await report(place))[1] == ["a", "b"]


@pytest.mark.parametrize("sent", ["x", "", 1.5, True, [], {}, "2025-13-09", 2**53])
async def test_a_time_that_cannot_be_read_is_named(place, sent: Any) -> None:
    assert await refused(place, output={"asOf": sent}) == [f"output.asOf: {windows.INSTANTS}"]


async def test_nobody_knows_the_future(place) -> None:
    problems = await refused(place, output={"asOf": NOW_MS + 1})
    assert problems == [f"output.asOf: must not be later than now, {NOW_MS}: what comes until then is not known"]


@pytest.mark.parametrize("mode", ["keep", "drop"])
@pytest.mark.parametrize("basis", ["event", "received"])
async def test_since_has_exactly_what_came_after(place, basis: str, mode: str) -> None:
    asked = {"basis": basis, "duplicates": mode}
    chain: list[list[str]] = []
    jobs: list[Job] = []
    for number in range(4):
        # Events have times of all days, and some come at the very watermark.
        stamp = {"timestamp": NOW_MS - 86_400_000 * 40 * (number % 2)}
        admit(place, f"{number}a", at=place.clock.ms - 3, **stamp)
        admit(place, f"{number}b", at=place.clock.ms, **stamp)
        output = {"since": source(jobs[-1])} if jobs else None
        job, values = await report(place, output=output, **asked)
        assert job.since_ms == (jobs[-1].watermark_ms if jobs else None)
        jobs.append(job)
        chain.append(values)
        place.clock.ms += 10
    assert chain == [[f"{number}a", f"{number}b"] for number in range(4)]
    assert (await report(place, **asked))[1] == [value for values in chain for value in values]
    # What came since the first, until the third.
    output = {"since": source(jobs[0]), "asOf": jobs[2].watermark_ms}
    assert (await report(place, output=output, **asked))[1] == chain[1] + chain[2]
    output = {"since": source(jobs[-1]), "asOf": jobs[-1].watermark_ms}
    assert (await report(place, output=output, **asked))[1] == []


async def test_since_may_change_all_that_is_about_the_file(place) -> None:
    place.load([{}])
    first, _ = await report(place, output={"delimiter": "|", "compression": "none"})
    place.clock.ms += 1
    wanted = {"since": source(first), "format": "parquet", "compression": "gzip"}
    assert (await order(place, output=wanted)).since_ms == first.watermark_ms


@pytest.mark.parametrize(
    "changed",
    [
        {"product": "Q"},
        {"types": ["T"]},
        {"start": 0},
        {"end": NOW_MS},
        {"basis": "received"},
        {"duplicates": "drop"},
    ],
)
async def test_since_a_report_of_something_else_is_refused(place, changed: dict[str, Any]) -> None:
    first = await order(place)
    place.clock.ms += 1
    assert await refused(place, output={"since": source(first)}, **changed) == [
        "output.since: names a report of another filter, filter.basis or duplicates"
    ]


async def test_since_a_report_without_a_file_is_refused(place) -> None:
    first = await order(place)
    # While it runs, its watermark may still be raised to another node's clock.
    assert await refused(place, output={"since": source(first)}) == [
        "output.since: names a report that is RUNNING: only one that is COMPLETE has a sequel"
    ]
    await place.desk.end(place.user, source(first))
    assert await refused(place, output={"since": source(first)}) == [
        "output.since: names a report that is FAILED: only one that is COMPLETE has a sequel"
    ]


async def test_since_a_report_whose_file_is_removed(place) -> None:
    first, _ = await report(place)
    await place.desk.end(place.user, source(first))
    place.clock.ms += 1
    assert (await order(place, output={"since": source(first)})).since_ms == first.watermark_ms


async def test_a_clock_behind_that_of_the_earlier_report_is_no_mistake_of_the_client(place) -> None:
    first, _ = await report(place)
    place.clock.ms -= 5
    assert (await order(place, output={"since": source(first)})).since_ms == first.watermark_ms


async def test_since_must_not_be_after_as_of(place) -> None:
    first, _ = await report(place)
    place.clock.ms += 1
    assert await refused(place, output={"since": source(first), "asOf": NOW_MS - 1}) == [
        f"output.asOf: must not be earlier than the watermark of output.since, {NOW_MS}"
    ]


async def test_a_report_of_another_is_as_good_as_none(place) -> None:
    theirs = await order(place, BOB)
    unknown = ["JOB-0527e342-c92c-45ec-a3cf-fd93f87cb068", "JOB-", theirs.id, "x", "JOB-\0"]
    expected = (Code.REQUEST_PARAMETER_MALFORMED, ["output.since: names no report of yours"])
    for since in (source(theirs), *unknown):
        assert await refusal(place, output={"since": since}) == expected


@pytest.mark.parametrize("sent", ["", 5, True, ["JOB-"], {}])
async def test_a_source_that_is_none_is_named(place, sent: Any) -> None:
    assert await refused(place, output={"since": sent}) == ["output.since: must be a string, and not an empty one"]


async def test_a_report_by_the_time_of_receipt(place) -> None:
    month = 32 * 86_400_000
    for number in range(5):
        # The earlier an event is, the later it came.
        at = NOW_MS - 50 + 10 * number
        place.load(
            [{"context": [str(number)], "timestamp": NOW_MS - number * month, "received": at, "admitted": at + 1}]
        )
    bounds = {"start": NOW_MS - 40, "end": NOW_MS - 20}
    job, values = await report(place, basis="received", **bounds)
    assert (job.basis, values) == ("received", ["1", "2", "3"])
    assert (await report(place, basis="Received", start=NOW_MS - 20))[1] == ["3", "4"]
    assert (await report(place, basis="received", end=NOW_MS - 50))[1] == ["0"]
    assert (await report(place, basis="received"))[1] == list("01234")
    assert (await report(place, basis="event", **bounds))[1] == []
    assert (await report(place, start=NOW_MS - month, end=NOW_MS))[1] == ["0", "1"]


async def test_a_basis_that_does_not_exist_is_named(place) -> None:
    assert await refused(place, basis="admitted") == ["filter.basis: must be one of: event, received"]


@pytest.mark.parametrize(
    ("before", "after"), [(["A", "B"], ["B", "A"]), (["A", "B"], ["B", "A", "B"]), ([], None), (None, [])]
)
async def test_a_sequel_may_name_the_same_types_otherwise(place: Any, before: Any, after: Any) -> None:
    first = await order(place, types=before)
    place.state.jobs.claim("w", 60_000)
    place.state.jobs.finish(first.id, "w", JobStatus.COMPLETE, first.started_ms, 0, 0, None, None)
    assert (await order(place, output={"since": source(first)}, types=after)).since_ms == first.watermark_ms
    others = ["A"] if before else ["A", "B"]
    (why,) = await refused(place, output={"since": source(first)}, types=others)
    assert why == "output.since: names a report of another filter, filter.basis or duplicates"
