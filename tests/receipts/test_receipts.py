"""What a receipt says of events in the journal, in the store, in quarantine, and of those that came twice."""

import asyncio
import json
import random
import uuid
from pathlib import Path
from typing import Any

import pytest

from footfall.errors import Code, RequestRefused
from footfall.journal import Folder
from footfall.receipts import Original, Status
from footfall.receipts.service import search_journal
from footfall.store import StoreRejected

NOBODY = "00000000-0000-4000-8000-000000000000"


async def refusal(call: Any) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        await call
    return caught.value


def lines(*events: dict[str, Any], **more: Any) -> bytes:
    return b"".join(json.dumps(event | more, separators=(",", ":")).encode() + b"\n" for event in events)


def held(*events: dict[str, Any], **more: Any) -> bytes:
    reason = {"code": "EVENT_NOT_IN_PLAN", "place": "context", "reason": "context: too short", "plan": "abc"}
    return lines(*events, **reason, **more)


async def test_events_are_found_in_the_moment_of_their_acknowledgement(node, make_batch) -> None:
    events = make_batch({}, {"type": "U"})
    async with node.journal() as journal:
        await journal.append(lines(*events))
        receipt = await node.ask(events[0]["batch"])
    assert [(event.sequence, event.status) for event in receipt.events] == [(1, "journaled"), (2, "journaled")]
    assert receipt.complete
    assert all(event.received == event.admitted > 1_700_000_000_000 for event in receipt.events)


async def test_events_are_found_when_they_are_in_the_store(node, make_batch) -> None:
    events = make_batch({}, {}, {})
    await node.append(*events, load=False)
    journaled = await node.ask(events[0]["batch"])
    await asyncio.to_thread(node.loader.tick)
    stored = await node.ask(events[0]["batch"].upper())
    assert node.folder.names() == []
    assert {event.status for event in journaled.events} == {"journaled"}
    assert {event.status for event in stored.events} == {"stored"}
    for before, after in zip(journaled.events, stored.events, strict=True):
        assert (before.sequence, before.received, before.admitted) == (
            after.sequence,
            after.received,
            after.admitted,
        )


async def test_none_slips_through_on_the_way_from_the_journal_to_the_store(make_node, make_batch) -> None:
    """Asked for again and again while it is written, sealed, loaded and archived, each batch is always there."""
    node = make_node(segment_age_max_ms=30)

    stop = asyncio.Event()
    seen: set[str] = set()

    async def load() -> None:
        while not stop.is_set():
            await asyncio.to_thread(node.loader.tick)
            await asyncio.sleep(0.01)

    async def follow(number: int) -> None:
        events = make_batch(*({"context": [str(number)]} for _ in range(3)))
        await journal.append(lines(*events))
        for _ in range(8):
            told = await node.told(events[0]["batch"])
            assert [sequence for sequence, _ in told] == [1, 2, 3]
            seen.update(status for _, status in told)

    async with node.journal() as journal, asyncio.TaskGroup() as tasks:
        tasks.create_task(load())
        try:
            for start in range(0, 24, 4):
                await asyncio.gather(*(follow(start + number) for number in range(4)))
        finally:
            stop.set()
    assert seen == {"journaled", "stored"}


async def test_a_segment_that_is_sealed_during_the_look_is_read_all_the_same(node, make_batch) -> None:
    class Early(Folder):
        """Lists the segments as they were called before they were sealed."""

        def names(self) -> list[str]:
            return [f"{name}.open" for name in super().names()]

    events = make_batch()
    await node.append(*events, load=False)
    found = search_journal(events[0]["batch"], Early(node.folder.path), node.aside, 1 << 20)
    assert [event.sequence for event in found.journaled] == [1]


async def test_what_quarantine_holds_is_said_with_the_reason(node, make_batch) -> None:
    events = make_batch({}, {}, {"type": "BAD"})
    batch = events[0]["batch"]
    await node.append(*events[:2], quarantined=held(events[2]), load=False)
    assert await node.told(batch) == [(1, "journaled"), (2, "journaled"), (3, "quarantined")]
    journaled = (await node.ask(batch)).events[2]
    await asyncio.to_thread(node.loader.tick)
    assert await node.told(batch) == [(1, "stored"), (2, "stored"), (3, "quarantined")]
    stored = (await node.ask(batch)).events[2]
    assert journaled == stored
    assert (stored.code, stored.reason) == ("EVENT_NOT_IN_PLAN", "context: too short")


@pytest.mark.parametrize("load", [False, True])
@pytest.mark.parametrize(("state", "expected"), [("dropped", "dropped"), ("released", "stored")])
async def test_a_later_state_goes_over_the_first(node, make_batch, state: str, expected: str, load: bool) -> None:
    (event,) = make_batch({"type": "BAD"})
    await node.append(quarantined=held(event))
    change = held(event, state=state, held_since=1000, changed_by="ann")
    released = lines(event, received=1000) if state == "released" else b""
    await node.append(quarantined=change, released=released, load=load)
    receipt = await node.ask(event["batch"])
    assert receipt.complete
    assert [told.status for told in receipt.events] == ["journaled" if expected == "stored" and not load else expected]
    assert receipt.events[0].received == 1000


@pytest.mark.parametrize(
    ("changes", "original"),
    [
        ({}, 1),
        ({"version": ""}, 1),
        ({"version": "2"}, None),
        ({"context": ["a", ""]}, None),
        ({"timestamp": 1_700_000_000_001}, None),
        ({"type": "U"}, None),
        ({"product": "Q"}, None),
        ({"customer": "D"}, None),
    ],
)
async def test_an_equal_event_of_an_earlier_batch_is_named(
    node, make_batch, changes: dict, original: int | None
) -> None:
    first, second = make_batch({}, {}), make_batch(changes)
    await node.append(*first)
    await node.append(*second)
    assert [event.duplicateOf for event in (await node.ask(first[0]["batch"])).events] == [unset(), unset()]
    (event,) = (await node.ask(second[0]["batch"])).events
    assert event.status is Status.STORED
    assert event.duplicateOf == (unset() if original is None else Original(first[0]["batch"], original))


def unset() -> Any:
    import msgspec

    return msgspec.UNSET


async def test_of_several_batches_at_once_the_lowest_is_the_first(node, make_batch) -> None:
    batches = [make_batch() for _ in range(3)]
    # One frame has one stamp, so that all are admitted in the same millisecond.
    await node.append(*(event for batch in batches for event in batch))
    receipts = [(await node.ask(batch[0]["batch"])).events[0] for batch in batches]
    originals = [receipt for receipt in receipts if receipt.duplicateOf is unset()]
    assert len(originals) == 1
    named = {receipt.duplicateOf.batch for receipt in receipts if receipt.duplicateOf is not unset()}
    assert named == {batches[receipts.index(originals[0])][0]["batch"]}


async def test_only_events_that_the_user_may_see_are_in_a_receipt(node, make_batch, make_user) -> None:
    events = make_batch({"customer": "C"}, {"customer": "D"}, {"customer": "C"})
    batch = events[0]["batch"]
    await node.append(*events, quarantined=held(events[1] | {"sequence": 4}), load=False)
    for load in (False, True):
        if load:
            await asyncio.to_thread(node.loader.tick)
        assert [sequence for sequence, _ in await node.told(batch, make_user("C"))] == [1, 3]
        assert [sequence for sequence, _ in await node.told(batch, make_user("D"))] == [2, 4]
        error = await refusal(node.ask(batch, make_user("E")))
        unknown = await refusal(node.ask(NOBODY, make_user("E")))
        assert error.code is Code.EVENT_BATCH_NOT_FOUND
        assert (error.code, error.message, error.problems) == (unknown.code, unknown.message, unknown.problems)


@pytest.mark.parametrize("text", ["", "x", "JOB-1", NOBODY[:-1], NOBODY + "0", NOBODY.replace("-", ""), "*" * 36])
async def test_what_is_no_uuid_is_malformed(node, text: str) -> None:
    error = await refusal(node.ask(text))
    assert (error.code, error.problems[0].where) == (Code.REQUEST_PARAMETER_MALFORMED, "batch")


async def test_without_the_store_the_journal_answers_for_itself(make_node, make_batch) -> None:
    node = make_node(away=True)

    events = make_batch()
    await node.append(*events, load=False)
    receipt = await node.ask(events[0]["batch"])
    assert ([event.status for event in receipt.events], receipt.complete) == (["journaled"], False)
    error = await refusal(node.ask(NOBODY))
    assert (error.code, error.retry_after_s) == (Code.SERVICE_UNAVAILABLE, 5)


async def test_a_store_without_its_tables_counts_as_away(make_node, make_batch, engine) -> None:
    node = make_node()

    node.store.write("DROP TABLE quarantine SYNC", {})
    events = make_batch()
    await node.append(*events)
    receipt = await node.ask(events[0]["batch"])
    assert ([event.status for event in receipt.events], receipt.complete) == (["stored"], False)
    assert (await refusal(node.ask(NOBODY))).code is Code.SERVICE_UNAVAILABLE


async def test_a_request_that_the_store_rejects_is_not_put_off(node, monkeypatch: pytest.MonkeyPatch) -> None:
    def reject(*_: object) -> None:
        raise StoreRejected("HTTP driver received HTTP status 414")

    monkeypatch.setattr(node.store, "rows", reject)
    error = await refusal(node.ask(NOBODY))
    assert (error.code, error.retry_after_s) == (Code.REQUEST_GENERAL_FAILURE, None)


async def test_the_newest_segments_are_looked_through_up_to_the_bound(make_node, make_batch) -> None:
    node = make_node(receipt_journal_bytes_max=4000)

    # What cannot be compressed: each of the segments has some 1,500 bytes.
    noise = random.Random(1)
    batches = [make_batch({"context": [noise.randbytes(1000).hex()]}) for _ in range(4)]
    for events in batches:
        await node.append(*events, load=False)
    newest = await node.ask(batches[-1][0]["batch"])
    assert (len(newest.events), newest.complete) == (1, False)
    error = await refusal(node.ask(batches[0][0]["batch"]))
    assert error.code is Code.SERVICE_UNAVAILABLE
    await asyncio.to_thread(node.loader.tick)
    assert await node.told(batches[0][0]["batch"]) == [(1, "stored")]


async def test_segments_that_were_set_aside_are_looked_through_too(node, make_batch, write_aside) -> None:
    events = make_batch()
    write_aside(node, events)
    assert await node.told(events[0]["batch"]) == [(1, "journaled")]


async def test_a_torn_frame_hides_none_before_it(node, make_batch) -> None:
    events = make_batch()
    await node.append(*events, load=False)
    tear(*node.folder.sealed())
    assert await node.told(events[0]["batch"]) == [(1, "journaled")]


def tear(path: Path) -> None:
    """Make it an open segment with half a frame at its end, as a reader may find one."""
    data = path.read_bytes()
    path.with_name(f"{path.name}.open").write_bytes(data + data[: len(data) // 2])
    path.unlink()


async def test_a_value_that_looks_like_a_batch_is_none(node, make_batch) -> None:
    other = str(uuid.uuid4())
    events = make_batch({"context": [other, f'"batch":"{other}"', f'\\"batch\\":\\"{other}\\"'], "version": other})
    await node.append(*events, load=False)
    assert (await refusal(node.ask(other))).code is Code.EVENT_BATCH_NOT_FOUND


async def test_of_equal_lines_the_one_admitted_first_is_told(node, make_batch) -> None:
    events = make_batch()
    await node.append(*events, load=False)
    first = (await node.ask(events[0]["batch"])).events
    await asyncio.sleep(0.005)
    await node.append(*events, load=False)
    assert (await node.ask(events[0]["batch"])).events == first
