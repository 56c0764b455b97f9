"""Releasing and dropping: once, for ever, and without touching a report that was made before."""

import asyncio

import pytest
from quarantined import TIME, WIDER, WIDEST, Node, event

from footfall.errors import RequestRefused
from footfall.journal import JournalError, JournalFull
from footfall.quarantine import Broken, Held, Selection
from footfall.quarantine import journal_lines as written
from footfall.wire import Standing

ALL = Selection()


async def two_held(there: Node) -> tuple[Held, Held]:
    """A return and a sale, of which the wider plan takes the return, and an event that is good."""
    await there.post(event("OPENED", "u"), event("RETURNED", "u", "i"), event("SOLD", "u", timestamp=TIME + 1))
    await there.load()
    by_type = {each.type: each for each in await there.held()}
    return by_type["RETURNED"], by_type["SOLD"]


async def test_what_fits_the_new_plan_is_stored_as_it_was_sent_and_the_rest_stays(node):
    async with node().open() as there:
        returned, sold = await two_held(there)
        there.use(WIDER)
        before = there.clock.now_ms()
        outcome = await there.quarantine.release(ALL, "root")
        await there.load()
        reason = "type: SOLD is not in the tracking plan for product SHOP"
        assert (outcome.changed, outcome.stayed, outcome.stopped) == (1, 1, "")
        assert outcome.broken == [Broken("SHOP", "SOLD", reason, 1, sold.id)]
        assert await there.held() == [sold]
        columns = "type, version, timestamp, context, sequence, toString(batch), received"
        (row,) = (row for row in there.stored(f"{columns}, admitted") if row[0] == "RETURNED")
        assert row[:-1] == ("RETURNED", "", TIME, ["u", "i"], 2, returned.batch, returned.received)
        assert before <= row[-1] <= there.clock.now_ms()
        record = await there.quarantine.find(returned.id)
        assert (record.state, record.changed_by, record.context) == (Standing.RELEASED, "root", [])
        assert (record.received, record.reason) == (returned.received, returned.reason)
        assert row[-1] <= record.changed <= there.clock.now_ms()
        assert (record.address, record.type, record.set_type) == ("", "RETURNED", "")


async def test_a_dry_run_says_the_same_and_changes_nothing(node):
    async with node().open() as there:
        held = await two_held(there)
        there.use(WIDER)
        tried = await there.quarantine.release(ALL, "root", dry_run=True)
        assert (there.folder.names(), tried.last) == ([], None)
        assert set(map(str, await there.held())) == set(map(str, held))
        outcome = await there.quarantine.release(ALL, "root")
        assert (tried.changed, tried.stayed, tried.broken) == (outcome.changed, outcome.stayed, outcome.broken)


@pytest.mark.parametrize(
    ("wanted", "changed"), [({"type": "SOLD"}, 0), ({"reason": "returned"}, 1), ({"since": 2 * TIME}, 0), ({}, 1)]
)
async def test_only_what_is_selected_is_released(node, wanted, changed):
    async with node().open() as there:
        await two_held(there)
        there.use(WIDER)
        assert (await there.quarantine.release(Selection(**wanted), "root")).changed == changed


async def test_events_may_be_given_the_type_that_was_meant(node):
    async with node().open() as there:
        _, sold = await two_held(there)
        selection = Selection(ids=(sold.id,))
        refused = await there.quarantine.release(selection, "root", set_type="BOUGHT")
        assert (refused.changed, refused.broken[0].reason) == (
            0,
            "context: 1 value where BOUGHT takes 2: user, item",
        )
        assert (await there.quarantine.release(selection, "root", set_type="OPENED")).changed == 1
        await there.load()
        assert there.stored() == [("OPENED", ["u"], 1), ("OPENED", ["u"], 3)]
        record = await there.quarantine.find(sold.id)
        assert (record.type, record.set_type) == ("SOLD", "OPENED")
        with pytest.raises(RequestRefused):
            await there.quarantine.release(ALL, "root", set_type="x" * 201)


async def test_nulls_are_judged_by_the_plan_of_the_release(node):
    async with node().open() as there:
        await there.post(event("BOUGHT", "u", None), event("RETURNED", None, "i"), event("RETURNED", "", "i"))
        await there.load()
        there.use(WIDEST)
        outcome = await there.quarantine.release(ALL, "root")
        await there.load()
        assert (outcome.changed, outcome.stayed) == (2, 1)
        assert sorted(there.stored()) == [("BOUGHT", ["u", ""], 1), ("RETURNED", ["", "i"], 3)]
        assert [each.context for each in await there.held()] == [[None, "i"]]


async def test_a_report_as_of_a_time_before_the_release_is_the_same_byte_for_byte(node):
    async with node().open() as there:
        await two_held(there)
        there.use(WIDER)
        watermark = there.clock.now_ms()
        made = there.report(watermark)
        assert made.count(b"\n") == 1
        while there.clock.now_ms() <= watermark:
            await asyncio.sleep(0.001)
        await there.quarantine.release(ALL, "root")
        await there.load()
        assert there.report(watermark) == made
        assert there.report(there.clock.now_ms()).count(b"\n") == 2
        there.store._connection(60).client.command("OPTIMIZE TABLE events FINAL")
        assert there.report(watermark) == made


async def test_a_release_that_was_cut_off_before_its_state_is_one_and_counts_once(node):
    async with node().open() as there:
        returned, _ = await two_held(there)
        there.use(WIDER)
        # What a kill leaves when it comes between the two frames of the commit.
        await there.journal.append(released=written.release_lines([written.released_event(returned)]))
        await there.load()
        assert returned.id not in {each.id for each in await there.held()}
        assert (await there.quarantine.release(ALL, "root")).changed == 0
        assert (await there.quarantine.drop(Selection(ids=(returned.id,)), "root")).changed == 0
        assert len(there.stored()) == 2
        assert (await there.quarantine.find(returned.id)).state is Standing.RELEASED


async def test_two_releases_at_once_count_once(node):
    async with node().open() as there:
        await two_held(there)
        there.use(WIDER)
        releases = asyncio.gather(*(there.quarantine.release(ALL, f"user {n}") for n in range(3)))
        while not releases.done():
            await asyncio.sleep(0.05)
            await there.load()
        outcomes = releases.result()
        assert sorted(outcome.changed for outcome in outcomes) == [0, 0, 1]
        assert [row[0] for row in there.stored()] == ["OPENED", "RETURNED"]
        assert (await there.quarantine.release(ALL, "root")).changed == 0


async def test_a_retry_of_the_request_under_the_new_plan_and_a_release_are_one_event(node):
    async with node().open() as there:
        sent = [event("OPENED", "u"), event("RETURNED", "u", "i")]
        assert (await there.post(*sent, key="k"))[1] == 1
        await there.load()
        there.use(WIDER)
        events, held = await there.post(*sent, key="k")
        assert ([each["sequence"] for each in events], held) == ([1, 2], 0)
        await there.quarantine.release(ALL, "root")
        await there.load()
        assert [row[0] for row in there.stored()] == ["OPENED", "RETURNED"]


async def test_what_is_dropped_leaves_a_record_and_never_comes_back(node):
    async with node().open() as there:
        sent = [event("RETURNED", "u", "i"), event("SOLD", "secret", version="9")]
        await there.post(*sent, key="k", user_agent="x")
        await there.load()
        sold = next(each for each in await there.held() if each.type == "SOLD")
        first = there.archived()
        assert (await there.quarantine.drop(Selection(type="SOLD"), "root")).changed == 1
        await there.load()
        record = await there.quarantine.find(sold.id)
        assert (record.state, record.changed_by) == (Standing.DROPPED, "root")
        assert (record.context, record.version, record.address, record.user_agent) == ([], "", "", "")
        # Neither the segment loaded once more, nor the client's late retry, nor a release brings it back.
        for segment in first:
            there.store.load(segment, "quarantine")
        await there.post(*sent, key="k")
        await there.load()
        there.use(WIDER + 'SOLD = ["user"]')
        assert (await there.quarantine.release(ALL, "root")).changed == 1
        assert await there.quarantine.find(sold.id) == record


async def test_the_store_can_be_rebuilt_from_the_archive_with_every_state(node, engine):
    async with node().open() as there:
        await two_held(there)
        await there.post(event("LOST", "u"))
        await there.load()
        there.use(WIDER)
        await there.quarantine.drop(Selection(type="SOLD"), "root")
        await there.load()
        await there.quarantine.release(ALL, "root")
        await there.load()
        again = Node(engine.settings())
        again.store.migrate()
        for segment in reversed(there.archived()):
            again.store.load(segment, "quarantine" if ".quarantine" in segment.name else "events")
        columns = "SELECT type, toString(state), context, held_since, received FROM quarantine FINAL ORDER BY type"
        found = there.store.rows(columns, {})
        assert [(row[0], row[1]) for row in found] == [
            ("LOST", "held"),
            ("RETURNED", "released"),
            ("SOLD", "dropped"),
        ]
        assert again.store.rows(columns, {}) == found
        assert again.stored("type, received, admitted") == there.stored("type, received, admitted")
        again.close()


class Failing:
    """A journal that takes so many appends and no more."""

    def __init__(self, journal, appends: int) -> None:
        self._journal = journal
        self._appends = appends

    async def append(self, **lines: bytes) -> None:
        if self._appends == 0:
            raise JournalFull("no room")
        self._appends -= 1
        await self._journal.append(**lines)


async def test_a_journal_without_room_stops_a_release_and_what_is_done_is_done(node):
    async with node().open() as there:
        # Two MiB in quarantine, so that a release needs more than one commit.
        for number in range(12):
            await there.post(*(event("RETURNED", "u" * 2_000, str(n)) for n in range(100)), key=str(number))
        await there.load()
        there.use(WIDER)
        journal = there.quarantine._journal
        there.quarantine._journal = Failing(journal, 0)
        for call in (there.quarantine.release, there.quarantine.drop):
            with pytest.raises(JournalError):
                await call(ALL, "root")
        there.quarantine._journal = Failing(journal, 1)
        outcome = await there.quarantine.release(ALL, "root")
        assert 0 < outcome.changed < 1200
        assert "the rest is as it was" in outcome.stopped
        await there.load()
        assert len(there.stored()) == outcome.changed
        there.quarantine._journal = journal
        rest = await there.quarantine.release(ALL, "root")
        assert rest.changed == 1200 - outcome.changed
        await there.load()
        assert (len(there.stored()), await there.held()) == (1200, [])


async def test_more_bad_events_than_an_error_names_are_all_found(node):
    # The mode may have changed since: in strict mode the collector's own checker stops at problems_max.
    async with node(problems_max=3).open() as there:
        await there.post(*(event("SOLD" if n % 3 else "RETURNED", "u", "i") for n in range(300)))
        await there.load()
    there.use(WIDER)
    async with there.open(plan_mode="strict", problems_max=3):
        outcome = await there.quarantine.release(ALL, "root")
        assert (outcome.changed, outcome.stayed) == (100, 200)


async def test_settling_waits_until_the_changes_show(node):
    async with node().open() as there:
        await two_held(there)
        there.use(WIDER)
        outcome = await there.quarantine.release(ALL, "root")
        assert not await there.quarantine.wait_until_visible(outcome, 0.2)
        settled = asyncio.create_task(there.quarantine.wait_until_visible(outcome, 60))
        await there.load()
        assert await settled
        assert await there.quarantine.wait_until_visible(await there.quarantine.release(ALL, "root"), 0)


async def test_a_change_is_made_also_where_the_store_cannot_show_it(node):
    async with node().open() as there:
        await two_held(there)
        there.use(WIDER)
        outcome = await there.quarantine.release(ALL, "root")
        there.store.write("RENAME TABLE events TO away", {})
        assert not await there.quarantine.wait_until_visible(outcome, 60)
        assert outcome.changed == 1
