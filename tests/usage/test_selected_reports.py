"""Random events and selections: the report that an answer names has the counted events, each in its place."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import usage_events as made
import usage_model as model
from hypothesis import given
from hypothesis import strategies as st

from footfall.files import Files
from footfall.reports import Destinations, Estimates, Reports, file_path
from footfall.reports.estimate import EstimateBounds
from footfall.reports.worker.attempt import Attempt, AttemptOptions
from footfall.state import Job, User
from footfall.validation import CodeLookup

ADMIN = User(id="root", password_hash="", admin=True, created_ms=0)
PROPERTY = made.examples(10)
# Keys of the plan's products, in the order of the plan.
COLUMNS = {"P": ("userId", "kind"), "Q": ("who", "kind")}


class Clock:
    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms


class Desk:
    """Orders, estimates and makes reports, without a worker."""

    def __init__(self, place: Any) -> None:
        self.place = place
        self.codes = CodeLookup(place.plan, place.store, place.settings)
        self.files = Files(place.settings)
        self.reports = Reports(place.state, place.settings, Clock(place.now_ms), self.files, self.codes)

    async def draft(self, report: Any, user: User = ADMIN, **output: Any) -> Job:
        """The job of the report that an answer names."""
        return await self.reports.draft(user, self.body(report, **output))

    @staticmethod
    def body(report: Any, **output: Any) -> bytes:
        body = {"filter": report.filter, "output": report.output | output, "duplicates": report.duplicates}
        return json.dumps(body).encode()

    def make(self, job: Job, rows_at_once: int) -> tuple[Any, Path]:
        options = AttemptOptions(span_rows_max=rows_at_once, drop_rows_max=5)
        place = self.place
        files = Destinations(place.settings, self.files)
        done = Attempt(job, place.plan.plan, place.store, files, deadline_s=2**40, options=options).run()
        return done, place.settings.data / "files" / file_path(job)

    async def estimate(self, report: Any, counted_rows_max: int) -> Any:
        parts = self.reports, self.place.state, self.place.store, self.place.plan, self.place.settings
        with contextlib.closing(Estimates(*parts, EstimateBounds(counted_rows_max=counted_rows_max))) as estimates:
            return await estimates.estimate(ADMIN, self.body(report))


@pytest.fixture
def desk(make_place: Any, tmp_path: Path) -> Any:
    (tmp_path / "plan.toml").write_text(made.PLAN)
    found = Desk(make_place(plan=str(tmp_path / "plan.toml"), plan_mode="open"))
    yield found
    found.codes.close()


def expected_rows(found: model.Model) -> list[dict[str, Any]]:
    """The rows of the file as JSON lines have them: by customer, by product, by time."""
    wanted = found.wanted
    one = wanted["customer"] == ["C"] and wanted["product"] == ["P"]
    planned = [name for name in COLUMNS if name in wanted["product"] or "*" in wanted["product"]]
    keys = list(dict.fromkeys(key for name in planned for key in COLUMNS[name]))
    longest = max((len(event["context"]) for event in found.selected if event["product"] not in COLUMNS), default=0)
    bare = [f"context{at}" for at in range(1, longest + 1)]
    rows = []
    for event in sorted(found.events, key=lambda event: (event["customer"], event["product"], model.order(event))):
        row = {} if one else {"customer": event["customer"], "product": event["product"]}
        row |= {"timestamp": event["timestamp"], "type": event["type"]} | dict.fromkeys((*keys, *bare))
        context = event["context"]
        if event["product"] not in COLUMNS:
            row |= dict(zip(bare, context, strict=False))
        for at, key in enumerate(made.KEYS.get((event["product"], event["type"]), ())):
            row[key] = context[at] if at < len(context) else ""
        rows.append(row)
    return rows


@given(
    events=made.events,
    wanted=made.selections,
    name=st.sampled_from(("counts", "summary", "uniques", "events")),
    parts=st.integers(1, 3),
    rows_at_once=st.sampled_from((3, 10, 50_000)),
)
@PROPERTY
async def test_the_report_of_an_answer_has_the_counted_events_in_order(
    desk: Desk, monkeypatch: Any, events: Any, wanted: Any, name: str, parts: int, rows_at_once: int
) -> None:
    monkeypatch.setattr("footfall.usage.duplicates.COMPARED_ROWS_MAX", 5)
    place = desk.place
    place.empty()
    for part in range(parts):
        place.load(*events[part::parts])
    expected = model.Model(events, wanted, place.settings.late_after_s * 1000)
    answer = await place.ask(name, **wanted)
    job = await desk.draft(answer.report, format="jsonl")
    done, path = desk.make(job, rows_at_once)
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == expected_rows(expected)
    assert answer.total.events == done.rows == len(expected.events)
    assert answer.total.duplicates == done.duplicates
    manifest = json.loads(done.manifest)
    assert manifest["late"]["events"] == answer.total.late
    assert sum(manifest["rows"]["byType"].values()) == done.rows
    estimated = await desk.estimate(answer.report, 10_000)
    assert estimated.rows == done.rows
    if "customers" in answer.report.filter:
        assert manifest["rows"]["byCustomer"] == by_customer(expected.events)


def by_customer(events: list[made.Event]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for event in events:
        products = found.setdefault(event["customer"], {})
        products[event["product"]] = products.get(event["product"], 0) + 1
    return found
