"""Random histories of a store: whatever happens to it, every statistic equals the model, and permalinks stay."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import usage_checks as checks
import usage_events as made
from hypothesis import given
from hypothesis import strategies as st
from usage_events import ADMITTED, DAY_MS, HOUR_MS, examples
from usage_model import Model
from usage_node import Node, encode

from footfall.settings import Settings

STEPS = ("admit", "look", "count", "merge", "rebuild", "restart", "hold", "release")
LATE_S = 86_400
INTERVALS = ("hour", "day", "week", "month", "all")
DATES = ("day", "week", "month")

_by = {
    "by": st.lists(
        st.sampled_from(("type", "product", "customer", "version", "kind", "context1")), max_size=2, unique=True
    )
}
_interval = {"interval": st.sampled_from(INTERVALS)}
_compare = {"compare": st.sampled_from(("previous", "year"))}
_types = st.sampled_from(([], ["T"], ["U"]))
_instead = {"instead": st.sampled_from(("", "", "kind", "context2"))}


def question(call: str, /, *parameters: dict[str, Any], **more: Any) -> st.SearchStrategy[Any]:
    given = {key: each for some in (*parameters, more) for key, each in some.items()}
    return st.tuples(st.just(call), st.fixed_dictionaries(given))


QUESTIONS = st.one_of(
    question("counts", _interval, _by),
    question("counts", _interval, _by, top=st.just(1)),
    question("counts", _by, interval=st.sampled_from(DATES), fill=st.just("true")),
    question("counts", _interval, _by, _compare),
    question("summary", _interval),
    question("summary", _interval, _compare),
    question("compare", _by, kind=_compare["compare"]),
    question("uniques", _interval, _instead),
    question("uniques", _instead, days=st.sampled_from(((1,), (7, 30), (2, 90)))),
    question(
        "retention",
        _instead,
        interval=st.sampled_from(DATES),
        first=_types,
        returning=_types,
        periods=st.sampled_from((1, 8, 100)),
    ),
    question(
        "funnel",
        _instead,
        steps=st.lists(st.sampled_from(("T", "U", "T;kind:is:a", "*", "V")), min_size=2, max_size=4),
        window_ms=st.sampled_from((1, HOUR_MS, DAY_MS, 5 * DAY_MS, 400 * DAY_MS)),
        strict=st.booleans(),
        by=st.sampled_from(("", "kind")),
    ),
    question(
        "paths",
        _instead,
        kind=st.sampled_from("TU"),
        direction=st.sampled_from(("after", "before")),
        levels=st.integers(1, 3),
    ),
    question("top", name=st.sampled_from(("kind", "type", "context1")), top=st.sampled_from((1, 1000))),
    question("types"),
    question("events"),
)


@pytest.fixture
def node(engine: Any, tmp_path: Any) -> Iterator[Node]:
    """A node on a database of its own."""
    engine.make_database("footfall")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "engine.json").write_bytes(engine.place.read_bytes())
    found = Node(Settings(data_dir=str(tmp_path), disk_free_bytes_min=0, archive_days=-1))
    with contextlib.closing(found):
        yield found


class History:
    """What is asked of a node again and again, and the permalinks that it has given."""

    def __init__(self, node: Node, wanted: dict[str, Any], questions: list[Any]) -> None:
        self.node = node
        self.wanted = wanted
        self.questions = [one for one in questions if self._is_askable(*one)]
        self.links: dict[str, tuple[bytes, list[Any]]] = {}

    def _is_askable(self, name: str, given: dict[str, Any]) -> bool:
        has_period = {"start", "end"} <= self.wanted.keys()
        return has_period or not ("compare" in given or name == "compare")

    async def check(self) -> None:
        """Ask everything: an answer to which no event came since is the same bytes."""
        node, model, known = self.node, self._model(), self._known()
        for name, asked in self.questions:
            answer = await getattr(checks, f"check_{name}")(node.ask, model, **asked)
            assert (answer.asOf, answer.complete) == (self.wanted["asOf"], True)
            before, then = self.links.get(answer.link, (b"", []))
            assert then != known or before == encode(answer)
            self.links[answer.link] = encode(answer), known

    async def end(self) -> None:
        """The sum of all counts is the rows of the report, and the summary's; and permalinks give what they gave."""
        node, model = self.node, self._model()
        summary = await checks.check_summary(node.ask, model)
        rows = await node.report(summary.report)
        checks.check_report(rows, model)
        assert summary.total.events == len(rows.splitlines())
        for link, (before, then) in self.links.items():
            assert then != self._known() or encode(await node.follow(link)) == before

    def _known(self) -> list[str]:
        """All events that were admitted in time."""
        return sorted(repr(event) for event in self.node.events if event["admitted"] <= self.wanted["asOf"])

    def _model(self) -> Model:
        return Model(self.node.events, self.wanted, self.node.settings.late_after_s * 1000)


def take(node: Node, step: str, events: list[made.Event], held: list[made.Event], number: int) -> None:
    """One step of a history; `events` are those that are still to come."""
    match step:
        case "admit":
            node.admit(events[number % 3 :: 3])
            del events[number % 3 :: 3]
        case "look":
            node.look()
        case "count":
            node.count_days()
        case "merge":
            node.merge()
        case "rebuild" if node.events:
            node.rebuild()
        case "restart":
            node.restart(late_after_s=(LATE_S, 1)[number % 2])
        case "hold" if held and not node.held:
            node.hold(held, ADMITTED[0] - 1)
            held.clear()
        case "release" if node.held:
            node.release(ADMITTED[number % len(ADMITTED)])


@given(
    events=made.events,
    held=made.held_events,
    wanted=made.selections,
    questions=st.lists(QUESTIONS, min_size=2, max_size=4),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), min_size=3, max_size=8),
    few=st.sampled_from((0, 10_000)),
    rows=st.sampled_from((2, 10_000)),
    changes=st.fixed_dictionaries(
        {
            "usage_cache_bytes_max": st.sampled_from((0, 10_000_000)),
            "rollup_groups_max": st.sampled_from((2, 10_000)),
            "rollup_step_rows_max": st.sampled_from((3, 10_000)),
        }
    ),
    large=st.sampled_from((0, 10_000)),
)
@examples(4)
def test_statistics_equal_the_model_whatever_happens_to_the_store(
    node: Node,
    monkeypatch: Any,
    events: list[Any],
    held: list[Any],
    wanted: Any,
    questions: list[Any],
    steps: list[Any],
    few: int,
    rows: int,
    changes: dict[str, int],
    large: int,
) -> None:
    monkeypatch.setattr("footfall.usage.numbers.FEW_MAX", few)
    monkeypatch.setattr("footfall.usage.query.LARGE_EVENTS_MIN", large)
    for module in ("duplicates", "numbers", "rollups", "rollup_keeper"):
        monkeypatch.setattr(f"footfall.usage.{module}.COMPARED_ROWS_MAX", rows)
    node.empty(**changes, late_after_s=LATE_S)
    node.admit(events[::2])
    history, later = History(node, wanted, questions), events[1::2]
    asyncio.run(history.check())
    for step, number in steps:
        take(node, step, later, held, number)
        asyncio.run(history.check())
    asyncio.run(history.end())
