"""What an estimate says, held against the report that it is of."""

import contextlib
import json
import uuid
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from footfall.errors import Code, RequestRefused
from footfall.reports import Estimate, Estimates
from footfall.reports.estimate import ORDINARY_BOUNDS, EstimateBounds
from footfall.reports.query.columnar import GroupSizes
from footfall.reports.query.statement import ReportStatement
from footfall.reports.worker.attempt import AttemptOptions
from footfall.state import JobStatus
from footfall.store import StoreRejected

WITH_PLAN = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACCESSED"}
OUTPUTS = [
    {"format": "csv"},
    {"format": "csv", "times": "excel"},
    {"format": "csv", "header": True, "compression": "gzip"},
    {"format": "jsonl", "compression": "zstd"},
    {"format": "parquet"},
    {"format": "arrow"},
    {"format": "xlsx"},
]


@pytest.fixture
def estimate(place: Any) -> Callable[..., Awaitable[Estimate]]:
    """Asks for an estimate of a report, by default of the whole of customer C's product P."""

    async def ask(
        *,
        output: dict[str, Any] | None = None,
        duplicates: str = "keep",
        bounds: EstimateBounds = ORDINARY_BOUNDS,
        **wanted: Any,
    ) -> Estimate:
        body = {"filter": {"customer": "C", "product": "P"} | wanted, "output": output, "duplicates": duplicates}
        opened = Estimates(place.desk, place.state, place.store, place.plan, place.settings, bounds)
        with contextlib.closing(opened) as estimates:
            return await estimates.estimate(place.user, json.dumps(body).encode())

    place.state.nodes.put("here", place.now_ms - 1, place.now_ms)
    return ask


async def report(place: Any, *, output: dict[str, Any] | None = None, duplicates: str = "keep", **wanted: Any) -> Any:
    body = {"filter": {"customer": "C", "product": "P"} | wanted, "output": output, "duplicates": duplicates}
    job = await place.desk.start(place.user, json.dumps(body).encode())
    async with place.running():
        job = await place.ended(job)
    assert job.status is JobStatus.COMPLETE, job.reason
    return job


@pytest.mark.parametrize("output", OUTPUTS, ids=str)
async def test_a_small_report_is_known_to_the_byte(place: Any, estimate: Any, output: dict[str, Any]) -> None:
    place.load({"timestamp": n, "context": [f"value|{n}"] * (n % 3)} for n in range(3_000))
    found, made = await estimate(output=output), await report(place, output=output)
    assert found == Estimate(made.rows, made.bytes, place.now_ms - 1, True)
    assert found.rows == 3_000


@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
async def test_long_values_are_sampled_in_small_blocks(place: Any, estimate: Any, file_format: str) -> None:
    groups = GroupSizes(block_bytes_max=100_000)
    place.options = AttemptOptions(groups=groups)
    place.load({"timestamp": n, "context": [str(n) * 1_000]} for n in range(100))
    output = {"format": file_format}
    found = await estimate(output=output, bounds=EstimateBounds(groups=groups))
    made = await report(place, output=output)
    assert (found.rows, found.bytes) == (100, made.bytes)


@pytest.mark.parametrize("output", OUTPUTS, ids=str)
async def test_without_events_there_is_what_a_file_begins_and_ends_with(
    place: Any, estimate: Any, output: dict[str, Any]
) -> None:
    found, made = await estimate(output=output), await report(place, output=output)
    assert (found.rows, found.bytes, found.exact) == (0, made.bytes, True)


@pytest.mark.parametrize("output", OUTPUTS, ids=str)
async def test_a_large_one_is_estimated_from_a_sample(place: Any, estimate: Any, output: dict[str, Any]) -> None:
    place.load(WITH_PLAN | {"timestamp": n**2, "context": [str(uuid.uuid4()), f"p{n % 9}"]} for n in range(5_000))
    at = {"customer": "BARCHART", "product": "PORTFOLIO"}
    found = await estimate(output=output, bounds=EstimateBounds(whole_rows_max=1_000), **at)
    made = await report(place, output=output, **at)
    assert (found.rows, found.exact) == (made.rows, True)
    assert found.bytes == pytest.approx(made.bytes, rel=0.1)


async def test_what_is_too_rare_for_the_sample_is_taken_to_be_like_the_others(place: Any, estimate: Any) -> None:
    place.load({"timestamp": n, "context": ["x" * 50]} for n in range(60_000))
    place.load([{"timestamp": 59_000, "type": "R", "context": ["x" * 50]}])
    found = await estimate(types=["R"], bounds=EstimateBounds(whole_rows_max=0, piece_read_max=1_000))
    assert (found.rows, found.exact) == (1, True)
    assert 50 < found.bytes < 70


async def test_all_that_selects_events_is_respected(place: Any, estimate: Any) -> None:
    first = await report(place)
    place.clock.ms += 10_000
    place.state.nodes.put("here", place.clock.ms - 1, place.clock.ms)
    stamps = {"received": first.watermark_ms + 5, "admitted": first.watermark_ms + 5}
    batch = str(uuid.uuid4())
    place.load({"timestamp": n, "sequence": n + 1, "batch": batch, "type": "TU"[n % 2]} for n in range(100))
    place.load({"timestamp": n, "type": "U", **stamps} for n in range(50, 80))
    assert (await estimate()).rows == 130
    assert (await estimate(types=["T"])).rows == 50
    assert (await estimate(start=10, end=59)).rows == 60
    assert await estimate(output={"asOf": first.watermark_ms}) == Estimate(100, 100 * 7 - 10, first.watermark_ms, True)
    assert (await estimate(output={"since": f"JOB-{first.id}"})).rows == 30
    assert (await estimate(basis="received", start=first.watermark_ms)).rows == 30
    # Of the 30 every second is equal to one of the 100.
    assert (await estimate(duplicates="drop")).rows == (await report(place, duplicates="drop")).rows == 115


async def test_rows_are_the_most_where_it_would_take_long_to_know(place: Any, estimate: Any) -> None:
    place.store.write("SYSTEM STOP MERGES events", {})
    batch = str(uuid.uuid4())
    events = [{"timestamp": n, "sequence": n + 1, "batch": batch} for n in range(100)]
    place.load(events)
    place.load(events)
    place.load({"timestamp": n} for n in range(50))
    assert ((await estimate()).rows, (await estimate()).exact) == (150, True)
    assert ((await estimate(duplicates="drop")).rows, (await estimate(duplicates="drop")).exact) == (100, True)
    few = EstimateBounds(compared_rows_max=10)
    dropped = await estimate(duplicates="drop", bounds=few)
    assert (dropped.rows, dropped.exact) == (150, False)
    few = EstimateBounds(compared_rows_max=10, counted_rows_max=10)
    kept = await estimate(bounds=few)
    assert (kept.rows, kept.exact) == (250, False)
    assert (await estimate(types=["T"], output={"asOf": 1}, bounds=few)).rows == 0
    assert (await estimate(types=["U"], bounds=few)).rows == 0


async def test_nothing_is_exact_while_events_are_on_their_way(place: Any, estimate: Any) -> None:
    place.clock.ms += 10
    assert not (await estimate(output={"asOf": place.now_ms + 5})).exact
    assert (
        await estimate() == await estimate(output={"asOf": place.now_ms - 1}) == Estimate(0, 0, place.now_ms - 1, True)
    )
    place.state.nodes.remove("here")
    assert not (await estimate()).exact


async def test_it_is_refused_as_the_report_is(estimate: Any) -> None:
    for wrong in ({"customer": 7}, {"start": 2, "end": 1}, {"customer": "TGAM"}, {"output": {"since": "JOB-x"}}):
        with pytest.raises(RequestRefused) as caught:
            await estimate(**wrong)
        assert caught.value.code in (Code.REQUEST_PARAMETER_MALFORMED, Code.REQUEST_AUTHORIZATION_FAILURE)


@pytest.mark.parametrize("slow", [True, False])
async def test_it_is_unavailable_when_the_store_is(
    place: Any, estimate: Any, monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    if not slow:
        place.store.write("DROP TABLE events SYNC", {})
    else:
        ticks = iter([0.0, 1e9])
        monkeypatch.setattr("footfall.usage.duplicates.time", SimpleNamespace(monotonic=lambda: next(ticks)))
    with pytest.raises(RequestRefused) as caught:
        await estimate()
    assert (caught.value.code, caught.value.retry_after_s) == (Code.SERVICE_UNAVAILABLE, 5)


async def test_the_statement_is_made_once_for_all_pieces(
    place: Any, estimate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.load({"timestamp": n, "type": "T"} for n in range(6_000))
    made = []

    def counted(job: Any, layout: Any, types: Any, selected: Any) -> ReportStatement:
        made.append(types)
        return ReportStatement(job, layout, types, selected)

    monkeypatch.setattr("footfall.reports.estimate.ReportStatement", counted)
    assert (await estimate()).rows == 6_000
    assert (await estimate(types=["T", "U"])).rows == 6_000
    # The types that are asked for are all that the statement needs to know of the plan.
    assert made == [None, {"T", "U"}]


async def test_of_a_large_plan_the_statement_knows_the_types_of_the_sample(
    place: Any, estimate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = ["PORTFOLIO-ACCESSED", "PORTFOLIO-APPLICATION-LOADED"]
    place.load(
        {**WITH_PLAN, "timestamp": n, "type": kinds[n % 2], "context": [f"user {n}", "7"][: 2 - n % 2]}
        for n in range(12_000)
    )
    asked = {"customer": WITH_PLAN["customer"], "product": WITH_PLAN["product"]}
    by_all_types = await estimate(**asked)
    made = []

    def counted(job: Any, layout: Any, types: Any, selected: Any) -> ReportStatement:
        made.append(types)
        return ReportStatement(job, layout, types, selected)

    monkeypatch.setattr("footfall.reports.estimate.ReportStatement", counted)
    monkeypatch.setattr(EstimateBounds, "sample_rows_max", 3)
    assert await estimate(**asked) == by_all_types
    # What the filter has besides is not in the sample.
    assert (await estimate(**asked, types=[kinds[0], "PORTFOLIO-CREATED"])).rows == 6_000
    assert made == [set(kinds), {kinds[0]}]


async def test_what_the_store_refuses_for_itself_is_not_put_off(
    place: Any, estimate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreRejected("HTTP driver received HTTP status 414")

    monkeypatch.setattr(place.store, "rows", refuse)
    with pytest.raises(RequestRefused) as caught:
        await estimate()
    assert (caught.value.code, caught.value.retry_after_s) == (Code.REQUEST_GENERAL_FAILURE, None)
    job = await place.make()
    assert (job.status, job.tries) == (JobStatus.FAILED, 1)
    assert "refused the request" in job.reason
