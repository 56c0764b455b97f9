"""A person gets a pseudonym: the events stay, nothing has the value any more, and later ones get the same name."""

import asyncio
from typing import Any

from erased import OTHER, VALUE, event
from msgspec import structs

from footfall.integrity import Verification, no_progress
from footfall.usage import Rollups, Scope
from footfall.wire import ReportFilter

LIMIT = dict


async def test_a_pseudonym_takes_the_place_of_the_value(node: Any) -> None:
    here = node()
    async with here.open():
        await here.fill()
        report = here.make_report("with")
        rollups = Rollups(here.store, here.settings.late_after_s * 1000)
        before = rollups.state(Scope(), LIMIT)
        told = await here.erase(pseudonymise=True)
        # Answers that are kept show the value still: they are not given again.
        assert rollups.state(Scope(), LIMIT) != before
        await here.post(event("BOUGHT", VALUE, VALUE), key="late")
        await here.post(event("SOLD", "?", VALUE), key="broken")
        await here.load()
        assert here.places(VALUE) == []
        assert [one.context for one in await here.held()] == [["?", OTHER]]
    (name,) = set(here.stored_people()) - {OTHER}
    assert here.stored_people() == sorted([OTHER] * 6 + [name] * 7)
    assert (len(name), int(name, 16) > 0) == (32, True)
    # The column that statistics of actors read has the name as well.
    assert here.store.rows("SELECT DISTINCT context1 = context[1] FROM events", {}) == [(1,)]
    # The value stood in two places of one event.
    assert [context for _, context, _ in here.stored() if context == [name, name]] == [[name, name]]
    alone = structs.replace(here.settings, events_url="embedded")
    verified = await asyncio.to_thread(Verification(alone, here.store, here.clock, no_progress).run)
    assert verified.problems == {}
    assert (told.mode, here.has_file(report), here.erasures.find(told.id).kept_out) == ("pseudonymise", False, 2)


async def test_only_those_that_were_named_are_touched_and_the_receipt_names_what_is_out_of_reach(node: Any) -> None:
    here = node()
    async with here.open():
        await here.fill()
        await here.post(event("OPENED", VALUE, customer="D"))
        await here.load()
        ((part,),) = here.store.rows(
            "SELECT name FROM system.parts WHERE active AND database = currentDatabase() AND table = 'quarantine'", {}
        )
        here.store.write(f"ALTER TABLE quarantine DETACH PART '{part}'", {})
        asked = ReportFilter(customer="C", products=("*",), where=(f"user:one of:x|{VALUE}",))
        here.make_report("asked", filter=asked)
        here.make_report("others", filter=ReportFilter(customer="C", product="SHOP", where=(f"user:is:{OTHER}",)))
        told = await here.erase(customers=("C",), products=("SHOP",))
        await here.post(event("BOUGHT", VALUE, "late"), event("BOUGHT", VALUE, "late", customer="D"))
        await here.load()
    assert here.stored_people() == sorted([OTHER] * 6 + [VALUE] * 2)
    assert told.receipt.out_of_reach[:2] == (
        "1 part of quarantine that the store has put aside",
        "the condition of the report JOB-asked, which names the value",
    )
    assert "JOB-others" not in str(told.receipt.out_of_reach)
    assert ([one.customer for one in told.receipt.events], told.customers) == (["C"], ("C",))
