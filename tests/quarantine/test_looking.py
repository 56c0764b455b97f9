"""Looking into quarantine: filters, pages, groups, and one event whole."""

import pytest
from quarantined import TIME, Node, event

from footfall.quarantine import Cursor, Held, HeldCounter, Selection, event_id
from footfall.store import StoreUnavailable
from footfall.wire import Standing


async def test_an_event_is_shown_with_all_that_is_known_of_it(node):
    async with node().open() as there:
        events, held = await there.post(
            event("OPENED", "u"), event("RETURNED", "u", None, version="7"), user_agent="x/1", origin="https://a.b"
        )
        assert (len(events), held) == (1, 1)
        await there.load()
        found = await there.quarantine.find(f"{events[0]['batch']}/2")
        assert there.clock.now_ms() - 60_000 < found.received <= there.clock.now_ms()
        assert found == Held(
            customer="C",
            product="SHOP",
            type="RETURNED",
            version="7",
            timestamp=TIME,
            context=["u", None],
            sequence=2,
            batch=events[0]["batch"],
            state=Standing.HELD,
            received=found.received,
            code="EVENT_NOT_IN_PLAN",
            where="type",
            reason="type: RETURNED is not in the tracking plan for product SHOP",
            plan=there.plan.plan.fingerprint,
            address="203.0.113.9",
            origin="https://a.b",
            user_agent="x/1",
        )
        assert await there.quarantine.find(f"{events[0]['batch']}/1") is None


async def filled(there: Node) -> list[Held]:
    """Events of several kinds, each in a request of its own; the newest first, as they are listed."""
    await there.post(event("OPENED"), key="a")
    await there.post(event("RETURNED", "u"), key="b")
    await there.post(event("RETURNED", "u", "i"), event("SOLD", "u", customer="D"), key="c")
    await there.post(event("OPENED", "u", product="STORE"), key="d")
    await there.load()
    return await there.held()


async def test_filters_are_held_together(node):
    async with node().open() as there:
        everything = await filled(there)
        assert sorted(each.type for each in everything) == ["OPENED", "OPENED", "RETURNED", "RETURNED", "SOLD"]
        first, last = everything[-1].received, everything[0].received
        cases = [
            ({"customer": "D"}, lambda each: each.customer == "D"),
            ({"product": "STORE"}, lambda each: each.product == "STORE"),
            ({"type": "RETURNED"}, lambda each: each.type == "RETURNED"),
            ({"type": "RETURNED", "customer": "D"}, lambda _: False),
            ({"reason": "is NOT a product"}, lambda each: each.product == "STORE"),
            ({"since": last}, lambda each: each.received >= last),
            ({"until": first}, lambda each: each.received <= first),
            ({"since": first, "until": last}, lambda _: True),
            ({"ids": (everything[1].id, everything[3].id)}, lambda each: each in (everything[1], everything[3])),
            ({"state": "released"}, lambda _: False),
            ({"state": ""}, lambda _: True),
        ]
        for wanted, expected in cases:
            assert await there.held(**wanted) == [each for each in everything if expected(each)], wanted
            count = await there.quarantine.count(Selection(**{"state": "held"} | wanted))
            assert count == sum(map(expected, everything)), wanted


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 1000])
async def test_pages_follow_each_other_without_gap_or_repetition(node, size):
    async with node().open() as there:
        everything = await filled(there)
        found, pages = [], 1
        page = await there.quarantine.page(Selection(), size)
        while page.next:
            found += page.events
            page = await there.quarantine.page(Selection(), size, Cursor.parse(page.next))
            pages += 1
        assert found + page.events == everything
        assert pages == -(-len(everything) // size)


async def test_a_page_cuts_long_values_and_show_does_not(node):
    async with node().open() as there:
        await there.post(event("SOLD", "\u00e9" * 30_000, None))
        await there.load()
        (listed,) = await there.held()
        assert listed.context == ["\u00e9" * 200, None]
        assert (await there.quarantine.find(listed.id)).context == ["\u00e9" * 30_000, None]


async def test_a_summary_counts_by_type_and_reason_the_most_frequent_first(node):
    async with node().open() as there:
        everything = await filled(there)
        groups = await there.quarantine.summary(Selection(), 10)
        unknown = "type: {} is not in the tracking plan for product SHOP"
        assert [(group.product, group.type, group.reason, group.events) for group in groups] == [
            ("SHOP", "RETURNED", unknown.format("RETURNED"), 2),
            ("SHOP", "OPENED", "context: 0 values where OPENED takes 1: user", 1),
            ("SHOP", "SOLD", unknown.format("SOLD"), 1),
            ("STORE", "OPENED", "product: STORE is not a product of the tracking plan", 1),
        ]
        returned = [each for each in everything if each.type == "RETURNED"]
        assert (groups[0].first, groups[0].last) == (returned[-1].received, returned[0].received)
        assert groups[0].example == returned[0].id
        assert len(await there.quarantine.summary(Selection(), 2)) == 2
        assert [group.type for group in await there.quarantine.summary(Selection(customer="D"), 10)] == ["SOLD"]


async def test_an_event_that_is_sent_again_with_its_key_is_held_once_since_it_came_first(node):
    async with node().open() as there:
        await there.post(event("SOLD"), key="k")
        await there.load()
        (first,) = await there.held()
        await there.post(event("SOLD"), key="k")
        await there.load()
        assert await there.held() == [first]


async def test_without_a_store_looking_is_an_outage(node):
    async with node(events_url="clickhouse://u:p@127.0.0.1:9/x").open() as there:
        with pytest.raises(StoreUnavailable):
            await there.held()


BATCH = "e2d04b89-972d-4a0a-b0ee-427bef63a8d0"


@pytest.mark.parametrize(
    "text",
    ["", "x", BATCH, f"{BATCH}/", f"{BATCH}/0", f"{BATCH}/-1", f"{BATCH}/01", f"{BATCH}/4294967296", "x/1", "/1"],
)
def test_what_names_no_event_is_refused(text):
    with pytest.raises(ValueError, match="is not BATCH/SEQUENCE"):
        event_id(text)


def test_a_name_has_one_spelling():
    assert event_id(f"{BATCH.upper()}/4294967295") == f"{BATCH}/4294967295"
    assert event_id(f"{{{BATCH.replace('-', '')}}}/7") == f"{BATCH}/7"


@pytest.mark.parametrize("text", ["", "1", f"1-{BATCH}-4294967296", f"-1-{BATCH}-1", f"1-{BATCH}-1\n", "1-x-1"])
def test_a_cursor_that_no_page_gave_is_refused(text):
    with pytest.raises(ValueError, match="earlier page"):
        Cursor.parse(text)


async def test_what_is_held_is_counted_again_only_when_that_may_have_changed(node, monkeypatch):
    async with node().open() as there:
        counter = HeldCounter(there.store)
        await there.post(event("RETURNED", "u"), event("SOLD", "u"))
        await there.load()
        counter.count(there.loader.quarantine_loads)
        assert counter.number == 2
        await there.quarantine.drop(Selection(type="SOLD"), "me")
        await there.load()
        loads = there.loader.quarantine_loads
        counter.count(loads)
        assert counter.number == 1

        def away(*_arguments):
            raise StoreUnavailable("gone")

        monkeypatch.setattr(there.store, "rows", away)
        for again in (loads, loads + 1):
            counter.count(again)
            assert counter.number == 1
