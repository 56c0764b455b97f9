"""POST /events in quarantine mode: the good are stored and answered, the bad are held with the reason, or none is."""

import json

import pytest

from footfall.journal import Frame, SegmentKind, kind_of, walk

EVENT = {
    "customer": "BARCHART",
    "product": "PORTFOLIO",
    "type": "PORTFOLIO-APPLICATION-LOADED",
    "timestamp": 1568381886060,
    "context": ["string"],
}
STRANGER = {**EVENT, "type": "PORTFOLIO-OPENED"}
WRONG = {**EVENT, "type": "PORTFOLIO-ACCESSED", "context": ["u"]}


def kept(opened, kind):
    """The lines of one kind in the journal, in order."""
    paths = sorted(path for path in opened.folder.iterdir() if kind_of(path) is kind)
    parts = [part for path in paths for part in walk(path.read_bytes())]
    return [json.loads(text) for part in parts if isinstance(part, Frame) for text in part.lines.splitlines()]


async def test_the_good_are_answered_with_their_places_and_the_bad_are_held_with_the_reason(service):
    async with service(plan_mode="quarantine", quarantine_sender_kept=True) as opened:
        answer = await opened.post({"events": [EVENT, STRANGER, {**EVENT, "version": "2"}, WRONG]}, user_agent="x/1")
        assert (answer.status, answer.headers["footfall-quarantined"]) == (200, "2")
        assert [event["sequence"] for event in answer.json] == [1, 3]
        stored = kept(opened, SegmentKind.EVENTS)
        stamps = {"received": stored[0]["received"], "admitted": stored[0]["admitted"]}
        assert stored == [{**event, **stamps} for event in answer.json]
        held = kept(opened, SegmentKind.QUARANTINE)
        batch, fingerprint = answer.json[0]["batch"], opened.collector._plan.plan.fingerprint
        common = {"batch": batch, "code": "EVENT_NOT_IN_PLAN", "plan": fingerprint, "user_agent": "x/1"}
        common["received"] = held[0]["received"]
        assert held == [
            {
                **STRANGER,
                **common,
                "sequence": 2,
                "place": "type",
                "reason": "type: PORTFOLIO-OPENED is not in the tracking plan for product PORTFOLIO",
            },
            {
                **WRONG,
                **common,
                "sequence": 4,
                "place": "context",
                "reason": "context: 1 value where PORTFOLIO-ACCESSED takes 2: userId, portfolioId",
            },
        ]
        assert (opened.collector.events_accepted, opened.collector.events_quarantined) == (2, 2)
        assert not opened.collector.refusals


async def test_text_that_was_cut_within_a_character_holds_up_no_other_event(service):
    async with service(plan_mode="quarantine") as opened:
        cut = {"context": ["cut\ud83d"]}
        answer = await opened.post({"events": [EVENT, {**EVENT, **cut}, {**STRANGER, **cut}]})
        assert (answer.status, answer.headers["footfall-quarantined"]) == (200, "1")
        assert [event["context"] for event in answer.json] == [["string"], ["cut\ufffd"]]
        assert [line["context"] for line in kept(opened, SegmentKind.QUARANTINE)] == [["cut\ufffd"]]


async def test_a_request_of_bad_events_only_is_an_empty_array(service):
    async with service(plan_mode="quarantine") as opened:
        answer = await opened.post({"events": [STRANGER, WRONG, STRANGER]})
        assert (answer.status, answer.body, answer.headers["footfall-quarantined"]) == (200, b"[]", "3")
        assert answer.headers["content-length"] == "2"
        assert kept(opened, SegmentKind.EVENTS) == []
        assert [line["sequence"] for line in kept(opened, SegmentKind.QUARANTINE)] == [1, 2, 3]


async def test_a_request_without_bad_events_is_answered_as_in_strict_mode(service, tmp_path):
    async def scenario(mode):
        async with service(plan_mode=mode) as opened:
            answer = await opened.post({"events": [EVENT, EVENT]}, idempotency_key="k")
            assert kept(opened, SegmentKind.QUARANTINE) == []
            return answer

    strict, quarantine = await scenario("strict"), await scenario("quarantine")
    assert (quarantine.body, quarantine.headers) == (strict.body, strict.headers)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({"events": [STRANGER, 1]}, 400),
        ({"events": [STRANGER, {**EVENT, "timestamp": 1.5}]}, 400),
        ({"events": [STRANGER, {**EVENT, "timestamp": 1}]}, 400),
        ({"events": [STRANGER, {**EVENT, "customer": ""}]}, 400),
        ({"events": [STRANGER, {**EVENT, "context": ["x"] * 65}]}, 400),
        ({"events": [STRANGER, {**EVENT, "version": "x" * 201}]}, 400),
        ({"events": [STRANGER] * 4}, 413),
    ],
)
async def test_what_cannot_be_read_is_refused_as_a_whole(service, body, status):
    async with service(plan_mode="quarantine", batch_events_max=3) as opened:
        answer = await opened.post(body)
        assert answer.status == status
        assert "footfall-quarantined" not in answer.headers
        assert opened.stored() == []


async def test_when_the_journal_takes_no_more_neither_the_good_nor_the_bad_are_kept(service):
    async with service(plan_mode="quarantine", journal_waiting_bytes_max=400) as opened:
        answer = await opened.post({"events": [EVENT, STRANGER]})
        assert (answer.status, answer.json[0]["value"]["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert "footfall-quarantined" not in answer.headers
        assert opened.stored() == []


async def test_the_same_key_and_body_hold_the_same_events_again(service):
    async with service(plan_mode="quarantine") as opened:
        answers = [await opened.post({"events": [EVENT, STRANGER, EVENT]}, idempotency_key="k") for _ in range(2)]
        assert answers[0].body == answers[1].body
        first, again = ({**line, "received": 0} for line in kept(opened, SegmentKind.QUARANTINE))
        assert first == again
        assert first["batch"] == answers[0].json[0]["batch"]


@pytest.mark.parametrize(
    "event",
    [
        # An optional null beside what is wrong, a null that is itself wrong, nulls of a type that nobody knows.
        {**EVENT, "type": "PORTFOLIO-POSITION-CREATED", "customer": "NOBODY", "context": ["u", "p", "q", None]},
        {**EVENT, "type": "PORTFOLIO-POSITION-CREATED", "context": ["u", None, "q", None]},
        {**STRANGER, "context": [None, "", "}\n{", None]},
    ],
)
async def test_what_is_held_is_as_it_came(service, event):
    async with service(plan_mode="quarantine") as opened:
        answer = await opened.post({"events": [event]})
        assert answer.headers["footfall-quarantined"] == "1"
        (line,) = kept(opened, SegmentKind.QUARANTINE)
        assert line["context"] == event["context"]


async def test_who_sent_a_bad_event_is_written_nowhere_unless_asked_for(service):
    async with service(plan_mode="quarantine") as opened:
        sent = {"user_agent": "browser/1", "origin": "https://a.example"}
        await opened.post({"events": [STRANGER]}, address="203.0.113.9", **sent)
        (line,) = kept(opened, SegmentKind.QUARANTINE)
        assert (line["origin"], "address" in line, "user_agent" in line) == ("https://a.example", False, False)


async def test_every_bad_event_is_found_however_many_and_their_reasons_are_bounded(service):
    async with service(plan_mode="quarantine", problems_max=3, quarantine_sender_kept=True) as opened:
        events = [STRANGER if number % 3 else EVENT for number in range(1000)]
        answer = await opened.post({"events": events})
        assert (answer.headers["footfall-quarantined"], len(answer.json)) == ("666", 334)
        long = dict.fromkeys(("customer", "product", "type"), "x" * 200)
        await opened.post({"events": [{**EVENT, **long}]}, user_agent="u" * 5000, origin="o" * 5000)
        line = kept(opened, SegmentKind.QUARANTINE)[-1]
        assert len(line["reason"].splitlines()) == 2
        assert (len(line["user_agent"]), len(line["origin"])) == (300, 300)


async def test_a_plan_that_is_taken_up_ends_the_quarantine_of_its_new_types(service, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text("[products.P]\ncolumns = ['k']\ntypes.OLD = ['k']\n")
    event = {**EVENT, "product": "P", "type": "NEW", "context": ["v"]}
    async with service(plan=plan, plan_mode="quarantine") as opened:
        assert (await opened.post({"events": [event]})).headers["footfall-quarantined"] == "1"
        plan.write_text("[products.P]\ncolumns = ['k']\ntypes.NEW = ['k']\n")
        assert opened.collector._plan.reload() is None
        answer = await opened.post({"events": [event, {**event, "type": "OLD"}]})
        assert (len(answer.json), answer.headers["footfall-quarantined"]) == (1, "1")
