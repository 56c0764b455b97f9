"""What is counted of refused events: whose they are and what is wrong, and never a value."""

from pathlib import Path

import pytest
from msgspec import structs
from states import state_url

from footfall.ingest.refused_kinds import WAITING_MAX
from footfall.state import State

EVENT = {"customer": "BARCHART", "product": "PORTFOLIO", "type": "PORTFOLIO-ACESSED", "timestamp": 1571029200000}
WHOLE = {**EVENT, "context": []}


@pytest.fixture
def state(tmp_path: Path):
    found = State(state_url(tmp_path))
    found.migrate()
    yield found
    found.close()


def kinds(service, state):
    service.collector.refused_kinds.save(state)
    return [
        (kind.events, kind.customer, kind.product, kind.type, kind.code, kind.place, kind.reason)
        for kind in state.refusals.all(100)
    ]


async def test_refused_events_are_counted_by_kind(service, state):
    async with service() as opened:
        wrong = {**EVENT, "context": ["secret-value"]}
        for events in ([wrong, wrong], [wrong]):
            assert (await opened.post({"events": events})).status == 400
        assert (await opened.post({"events": [{**wrong, "customer": "NOBODY"}]})).status == 400
        for _ in range(2):
            assert (await opened.post({"events": [{"customer": "secret-value"}]})).status == 400
        (first, *others) = kinds(opened, state)
    assert first[:6] == (3, "BARCHART", "PORTFOLIO", "PORTFOLIO-ACESSED", "EVENT_NOT_IN_PLAN", "type")
    assert "did you mean PORTFOLIO-ACCESSED?" in first[6]
    unreadable, unknown = others
    assert unreadable[:5] == (2, "", "", "", "REQUEST_INPUT_MALFORMED")
    assert unknown[:2] == (1, "NOBODY")
    assert "secret-value" not in repr((first, *others))


async def test_what_quarantine_holds_and_what_is_right_is_not_counted(service, state):
    async with service(plan_mode="quarantine") as opened:
        assert (await opened.post({"events": [{**EVENT, "context": ["ada"]}]})).status == 200
        assert kinds(opened, state) == []


async def test_made_up_names_are_bounded_and_told_again_when_the_state_was_away(service, state, tmp_path):
    async with service() as opened:
        for number in range(WAITING_MAX + 5):
            await opened.post({"events": [{**EVENT, "type": f"T-{number}", "context": []}]})
        away = State(f"sqlite:///{tmp_path}/empty.db")
        opened.collector.refused_kinds.save(away)
        away.close()
        assert len(kinds(opened, state)) == WAITING_MAX
        assert len(kinds(opened, state)) == WAITING_MAX
        found = state.refusals.all(1)[0]
        assert structs.replace(found, events=1) == found


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (
            {"events": [{**WHOLE, "timestamp": 1571029200}]},
            {"events": [{**WHOLE, "timestamp": 1571029201}]},
            "must lie between ... and ... (milliseconds since 1970), not ..., which looks like seconds",
        ),
        (b'{"events":[x', b'{"events":[  x', "is not JSON in UTF-8: JSON is malformed: invalid character (byte ...)"),
        (
            {"events": [{**EVENT, "context": []}] * 11},
            {"events": [{**EVENT, "context": []}] * 12},
            "... events: send them in several requests",
        ),
    ],
)
async def test_requests_with_the_same_mistake_are_of_one_kind(service, state, first, second, reason):
    async with service(batch_events_max=10) as opened:
        for body in (first, second):
            assert (await opened.post(body)).status in (400, 413)
        ((events, *_, told),) = kinds(opened, state)
    assert (events, told) == (2, reason)


async def test_what_stands_in_a_header_is_no_kind_of_its_own(service, state):
    async with service() as opened:
        for coding in ("secret", "value"):
            assert (await opened.post(b"{}", **{"content-encoding": coding})).status == 415
        ((events, *_, told),) = kinds(opened, state)
    assert (events, told) == (2, "... is not taken here: send gzip, deflate, br, zstd or none")
