"""The fast path comes to the same as the steps one by one, and serves every body in which nothing is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, structs

from footfall.errors import Code, RequestRefused
from footfall.ingest import Collector, Headers, PreparedRequest, decode
from footfall.ingest.fast_path import NOT_DECODED, FastPath
from footfall.journal import STAMPS, Folder, Journal
from footfall.plan import LivePlan
from footfall.rate_limits import NOBODY, Account
from footfall.settings import Settings
from footfall.system.clock import SystemClock
from footfall.wire import Sender

NOW_MS = 1_760_000_000_000
UUID = "cd613e30-d8f1-4adf-91b7-584a2265b1f5"
KEY = Headers(idempotency_key="one")
RAW = Raw(STAMPS)
PLAN = """
customers = ["ACME", "OTHER", "ONE-OF-MANY-LETTERS"]
[products.SHOP]
columns = ["user", "article", "note"]
[products.SHOP.types]
OPENED = ["user"]
BOUGHT = ["user", "article", "note?"]
CLOSED = []
[[rules]]
customers = ["ACME"]
keys = ["article"]
uuid = true
"""


class Clock(SystemClock):
    def now_ms(self) -> int:
        return NOW_MS


class NoFastPath(FastPath):
    """Leaves every body to the steps one by one."""

    def read(self, *_: Any) -> Any:
        return NOT_DECODED


def paths(folder: Path, **changes: Any) -> tuple[Callable[[bytes], Any], Callable[[bytes], Any], FastPath]:
    """What becomes of a body with the fast path and by the steps one by one, and the fast path itself."""
    (folder / "plan.toml").write_text(PLAN)
    # The bound is lower than that on the names of a plan.
    bounds = Settings(**({"data_dir": str(folder), "code_chars_max": 10} | changes))
    plan = LivePlan(folder / "plan.toml", bounds)
    journal = Journal(Folder(folder / "journal"), bounds, Clock())

    def prepare(path: FastPath) -> Callable[[bytes], Any]:
        collector = Collector(journal, plan, bounds, Clock())
        collector.preparation._fast_path = path
        path._find_account = collector.customer_limits.find

        def outcome(body: bytes) -> Any:
            try:
                prepared = collector.preparation.prepare(KEY, body, lambda: Sender("", "", ""))
                # Each collector has accounts of its own.
                return structs.replace(prepared, owner=NOBODY), owners(prepared)
            except RequestRefused as refused:
                return refused.code, refused.message, refused.problems

        return outcome

    fast = FastPath(plan.checker, bounds)
    return prepare(fast), prepare(NoFastPath(plan.checker, bounds)), fast


def owners(prepared: PreparedRequest) -> Any:
    owner = prepared.owner
    if isinstance(owner, Account):
        return {owner.key: prepared.accepted}, {}
    return tuple({account.key: number for account, number in one.items()} for one in (owner.events, owner.held))


def an_event(**changes: Any) -> dict[str, Any]:
    whole = {"customer": "ACME", "product": "SHOP", "type": "BOUGHT", "timestamp": NOW_MS, "context": ["u", UUID, ""]}
    return {**whole, **changes}


# What an event may bring; nearly right ones show most.
BRINGS: dict[str, Any] = {
    "customer": st.sampled_from(("OTHER", "NOBODY", "", "ONE-OF-MANY-LETTERS")),
    "product": st.sampled_from(("STALL", "", "ONE-OF-MANY-LETTERS")),
    "type": st.sampled_from(("OPENED", "CLOSED", "SOLD", "")),
    "timestamp": st.sampled_from((1, NOW_MS + 10**9, float(NOW_MS), "soon")),
    "context": st.sampled_from(
        (
            ["u"],
            ["u", "v", "w"],
            ["u", UUID],
            ["u", UUID, None],
            [None, UUID, ""],
            ["u", 7, ""],
            [],
            ["u", UUID, "", "x"],
        )
    ),
    "version": st.sampled_from(("1", "v" * 300, None)),
    "sequence": st.sampled_from((7, "x")),
    "batch": st.sampled_from(("b", 7)),
    "more": st.none(),
}
nearly_right = st.one_of(*(st.fixed_dictionaries({name: brought}) for name, brought in BRINGS.items()))
any_event = st.one_of(st.just({}), nearly_right, st.fixed_dictionaries({}, optional=BRINGS)).map(
    lambda changes: an_event(**changes)
)


@pytest.mark.parametrize("mode", ["strict", "open", "quarantine"])
def test_both_ways_come_to_the_same(tmp_path: Path, mode: str) -> None:
    fast, stepwise, fast_path = paths(tmp_path, plan_mode=mode)
    went = []

    @given(st.lists(any_event, max_size=3))
    def same(events: list[dict[str, Any]]) -> None:
        body = json.dumps({"events": events}).encode()
        assert fast(body) == stepwise(body)
        went.append(fast_path.read(body, NOW_MS, RAW)[1])

    same()
    assert set(went) == {True, False}


few = st.integers(1, 12)
any_bounds = st.fixed_dictionaries(
    {},
    optional={
        "plan_mode": st.sampled_from(("strict", "open", "quarantine")),
        "batch_events_max": st.integers(1, 4),
        "code_chars_max": st.sampled_from((3, 4, 10, 1_000_000, 10**20)),
        "version_chars_max": few | st.just(10**20),
        "context_values_max": st.integers(1, 5) | st.just(10**20),
        "context_value_chars_max": st.sampled_from((1, 35, 36, 10**20)),
        "timestamp_min_ms": st.sampled_from((-(10**30), -1, 0, 1, NOW_MS, NOW_MS + 1, 10**30)),
        "timestamp_ahead_max_ms": st.sampled_from((0, 1, 10**9, 10**30)),
        "problems_max": st.integers(1, 3),
        "event_problems_max": st.integers(1, 3),
    },
)


def spoil(drawn: Any, text: bytes) -> bytes:
    """Half of the texts, as other programs write them, or as a line breaks them."""
    if drawn(st.booleans()):
        return text
    changes: tuple[tuple[bytes, bytes], ...] = (
        (b"", b""),
        (b", ", b",\r\n\t"),
        (b'"events"', b'"ev\\u0065nts"'),
        (b'"events"', b'"Events"'),
        (b'"events": [', b'"events": [{}], "events": ['),
        (b'"events": [', b'"events": [1], "events": ['),
        (b'"customer"', b'"customer": 7, "customer"'),
        (b'"u"', b'"\\ud83d"'),
        (b'"u"', b'"\\\\ud83d\\ude00\\ud83d\\ude00"'),
        (b'"u"', b'"\xff"'),
        (b'"u"', b'"u\n"'),
        (b'"u"', b'"\\u0075"'),
        (b'"ACME"', b'"\\u0041CME"'),
        (b'"more"', b'"\xff"'),
        (b"null", b'"\\ud83d\xff"'),
        (b"null", b"[" * 20 + b"1e999" + b"]" * 20),
        (b"1760", b"001760"),
        (b"1760", b"-1760"),
        (b"1760", b"1" * 5000 + b"1760"),
        (b"}", b"},"),
        (b"}]}", b"}]}x"),
        (b'{"events"', b'\xef\xbb\xbf {"events"'),
        (b'{"events"', b'{"": {}, "events"'),
    )
    old, new = drawn(st.sampled_from(changes))
    text = text.replace(old, new) if old else text
    return text[: drawn(st.integers(0, len(text)))] if drawn(st.integers(0, 9)) == 0 else text


def keeps(events: list[dict[str, Any]], bounds: Settings) -> bool:
    """Whether events keep to the bounds, as the settings' documentation has them."""
    return len(events) <= bounds.batch_events_max and all(
        all(1 <= len(event[key]) <= bounds.code_chars_max for key in ("customer", "product", "type"))
        and len(event.get("version", "")) <= bounds.version_chars_max
        and len(event["context"]) <= bounds.context_values_max
        and all(len(value) <= bounds.context_value_chars_max for value in event["context"])
        and bounds.timestamp_min_ms <= event["timestamp"] <= NOW_MS + bounds.timestamp_ahead_max_ms
        for event in events
    )


def test_both_ways_come_to_the_same_with_all_settings_and_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does the diagnosis, through which bodies go that have too many parts to be decoded at once."""
    went = []

    @settings(max_examples=200, deadline=None)
    # Of what is drawn from all of these, next to nothing is right.
    @given(st.data(), st.just({}) | any_bounds, st.lists(any_event, max_size=5))
    def same(data: st.DataObject, changes: dict[str, Any], events: list[dict[str, Any]]) -> None:
        body = spoil(data.draw, json.dumps({"events": events}).encode())
        changes = {"code_chars_max": 200} | changes
        fast, stepwise, fast_path = paths(tmp_path, **changes)
        said = fast(body)
        assert stepwise(body) == said
        assert not isinstance(said, PreparedRequest) or keeps(json.loads(said.answer), Settings(**changes))
        with monkeypatch.context() as patch:
            patch.setattr(decode, "is_bounded", lambda *_: False)
            slowly = stepwise(body)
        assert slowly == said or slowly[0] == said[0] == Code.REQUEST_TOO_LARGE
        went.append(fast_path.read(body, NOW_MS, RAW)[1])

    same()
    assert set(went) == {True, False}


@pytest.mark.parametrize(
    "body",
    [
        {"events": [an_event()]},
        {"events": [an_event(customer="OTHER", context=["u", "v", "w"])]},
        {"events": [an_event(context=["u", UUID])]},
        {"events": [an_event(type="CLOSED", context=[])]},
        {"events": [an_event(type="OPENED", context=["u"], version="7")] * 1000},
    ],
)
def test_what_is_right_goes_the_fast_path(tmp_path: Path, body: Any) -> None:
    *_, fast_path = paths(tmp_path)
    events, is_right, _ = fast_path.read(json.dumps(body).encode(), NOW_MS, RAW)
    assert is_right
    assert events is not None
    assert [event.sequence for event in events] == list(range(1, len(body["events"]) + 1))


def test_a_plan_that_lets_nothing_in_has_no_fast_path(tmp_path: Path) -> None:
    fast, stepwise, fast_path = paths(tmp_path, code_chars_max=3)
    body = json.dumps({"events": [an_event()]}).encode()
    assert fast_path.read(body, NOW_MS, RAW) == NOT_DECODED
    assert fast(body) == stepwise(body)
