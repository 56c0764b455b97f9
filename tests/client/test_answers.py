"""What a client does after each answer."""

import json
import random
from typing import Any

import pytest
from footfall_client.answers import Accepted, Answer, Backoff, Later, Sort, Split, decide

BATCH = "35114dc8-92a1-47b1-adc9-cfabfc6851da"


def error(code: str, *children: dict[str, Any]) -> bytes:
    inner = [{"value": {"code": code, "message": "wrong", "data": data}, "children": []} for data in children]
    return json.dumps([{"value": {"code": code, "message": "one event"}, "children": inner}]).encode()


def test_an_answer_with_the_events_is_the_end_of_a_batch() -> None:
    body = f'[{{"customer":"A","sequence":1,"batch":"{BATCH}"}}]'.encode()
    assert decide(Answer(200, {}, body)) == Accepted(BATCH)
    assert decide(Answer(200, {"footfall-quarantined": "2"}, body)) == Accepted(BATCH, 2)
    assert decide(Answer(200, {"footfall-quarantined": "2"}, b"[]")) == Accepted(None, 2)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>Welcome</html>", b'{"ok":true}'])
def test_a_stranger_that_answers_200_accepts_nothing(body: bytes) -> None:
    assert isinstance(decide(Answer(200, {}, body)), Later)


def test_refused_events_are_told_by_their_places() -> None:
    body = error("EVENT_NOT_IN_PLAN", {"path": "events[1].type", "index": 1}, {"path": "events[1].context", "index": 1})
    decision = decide(Answer(400, {}, body))
    assert isinstance(decision, Sort)
    assert {at: problem.path for at, problem in decision.problems.items()} == {1: "events[1].type"}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>Bad Request</html>", b"[]", b"{}", b"[1]"),
        error("REQUEST_INPUT_MALFORMED", {"path": "body"}),
        error("SOMETHING_ELSE", {"path": "events[0]", "index": 0}),
    ],
)
def test_a_400_that_names_no_event_costs_none(body: bytes) -> None:
    decision = decide(Answer(400, {}, body))
    assert isinstance(decision, Later)
    assert decision.is_general


@pytest.mark.parametrize(
    ("status", "is_general"),
    [(301, True), (401, True), (404, True), (408, True), (429, True), (500, False), (503, True)],
)
def test_all_else_is_sent_again(status: int, is_general: bool) -> None:
    decision = decide(Answer(status, {"retry-after": "7"}, b"busy"))
    assert decision == Later(f"{status} busy", 7.0, is_general)


def test_too_large_is_split() -> None:
    assert isinstance(decide(Answer(413, {}, b"")), Split)


def test_pauses_double_up_to_a_bound_and_differ() -> None:
    backoff = Backoff(0.5, 60, random.Random(1))
    for attempts in (1, 2, 3, 20, 5000):
        whole = min(60, 0.5 * 2.0 ** min(attempts - 1, 30))
        pauses = {backoff.pause_s(attempts) for _ in range(50)}
        assert whole / 2 <= min(pauses) < max(pauses) <= whole
        assert len(pauses) > 40


def test_a_pause_is_never_shorter_than_retry_after() -> None:
    backoff = Backoff(0.5, 60, random.Random(1))
    pauses = [backoff.pause_s(1, 30) for _ in range(50)]
    assert 30 <= min(pauses) < max(pauses) <= 37.5
    assert decide(Answer(503, {"retry-after": "99999999"}, b"")).retry_after_s == 3600
    assert decide(Answer(503, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, b"")).retry_after_s == 0
