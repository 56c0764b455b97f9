"""What an erased person could come back by: late retries, a rebuild, a restored backup. And who may come back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from erased import OTHER, VALUE, back_up_node, event, find_value, run
from msgspec import structs

from footfall.backup.saving import BackupRun
from footfall.erasure import ErasureWanted
from footfall.integrity import (
    Absence,
    CannotRebuild,
    Rebuilding,
    RebuildPlan,
    Verification,
    erased_persons,
    no_progress,
)

OTHERS = [OTHER] * 7


async def test_no_retry_rebuild_or_restore_brings_a_person_back(node: Any, tmp_path: Path) -> None:
    here, before, after = node(), tmp_path / "before", tmp_path / "after"
    async with here.open():
        await here.fill()
        # These are in the journal still when the backup is made.
        waiting = (event("OPENED", VALUE), event("OPENED", OTHER, customer="E"))
        await here.post(*waiting, key="waiting")
        here.make_report("with")
        await asyncio.to_thread(back_up_node, here, before)
        told = await here.erase()
        await here.post(*waiting, key="waiting")
        await here.post(event("BOUGHT", VALUE, "late"), key="new")
        await here.post(event("SOLD", VALUE), key="broken")
        await here.load()
        assert (here.stored_people(), here.places(VALUE)) == (OTHERS, [])
        # Three that came after the order, and the one that waited, unless it was in the store already.
        assert here.erasures.find(told.id).kept_out in (3, 4)
        # A store that other nodes do not write to.
        alone = structs.replace(here.settings, events_url="embedded")
        persons = erased_persons(here.state, here.name)
        await asyncio.to_thread(Rebuilding(alone, here.store, here.clock, no_progress, persons).run, RebuildPlan())
        assert (here.stored_people(), here.places(VALUE)) == (OTHERS, [])
        verified = await asyncio.to_thread(Verification(alone, here.store, here.clock, no_progress, persons).run)
        assert (verified.problems, verified.erased) == ({}, Absence(1, {}))
        await asyncio.to_thread(back_up_node, here, after)
        # Whoever comes back after the erasure is there again.
        await here.post(event("OPENED", VALUE, timestamp=here.clock.now_ms() + 60_000))
        await here.load()
        assert here.stored_people() == [*OTHERS, VALUE]
    assert [(one.place, one.tombstone) for one in told.receipt.backups] == [(str(before), True)]
    assert (find_value(before, VALUE) != [], find_value(after, VALUE)) == (True, [])
    for where in (before, after):
        there = await asyncio.to_thread(node, where)
        async with there.open():
            await there.load()
        assert (there.stored_people(), there.places(VALUE)) == (OTHERS, [])
        job = there.state.jobs.get("with")
        assert (job.removed, there.has_file(job)) == (True, False)
        assert job.erased_ms is not None


async def test_who_is_erased_while_the_first_backup_is_made_does_not_come_back_with_it(
    node: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    here, where, loop = node(), tmp_path / "backup", asyncio.get_running_loop()
    save = BackupRun.save

    def save_and_erase(self: BackupRun, own: str) -> Any:
        copied = save(self, own)
        asyncio.run_coroutine_threadsafe(here.erase(), loop).result()
        return copied

    monkeypatch.setattr(BackupRun, "save", save_and_erase)
    async with here.open():
        await here.fill()
        await asyncio.to_thread(back_up_node, here, where)
    there = await asyncio.to_thread(node, where)
    async with there.open():
        await there.load()
    assert (there.stored_people(), there.places(VALUE)) == ([OTHER] * 6, [])


async def test_a_pseudonym_of_one_person_brings_no_other_back(node: Any) -> None:
    here, guest = node(), "guest-4713"
    async with here.open():
        await here.fill()
        await here.erase(value=OTHER, pseudonymise=True)
        await here.erase()
        await here.erase(key="item")
        await here.erase(key="item", value=guest, pseudonymise=True)
        await here.post(event("BOUGHT", OTHER, VALUE), event("BOUGHT", OTHER, guest), key="late")
        await here.load()
        assert [here.places(value) for value in (OTHER, VALUE, guest)] == [[], [], []]
        assert len(here.stored_people()) == 6 + 1


async def test_who_has_a_pseudonym_and_is_erased_stays_away(node: Any) -> None:
    here = node()
    alone = structs.replace(here.settings, events_url="embedded")
    async with here.open():
        await here.fill()
        # Both are ordered before the work begins.
        orders = [here.order(pseudonymise=True), here.order()]
        for one in orders:
            await here.finish(one.id)
        await here.post(event("OPENED", VALUE), key="late")
        await here.load()
        persons = erased_persons(here.state, here.name)
        verified = await asyncio.to_thread(Verification(alone, here.store, here.clock, no_progress, persons).run)
    assert (here.stored_people(), verified.problems) == ([OTHER] * 6, {})


async def test_who_got_a_pseudonym_on_one_node_is_erased_on_all_by_a_later_order(node: Any) -> None:
    here = node()
    there = node(events_url=here.settings.events_url, state_url=f"sqlite:///{here.data / 'state.db'}")
    async with here.open(), there.open():
        for one in (here, there):
            await one.fill()
        renamed = here.order(pseudonymise=True)
        # One node has begun with the name when the other order comes; the other has not.
        await here.step()
        name = here.state.erasures.get(renamed.id).pseudonym
        assert here.places(name) != []
        here.order()
        assert len(here.state.erasures.all()) == 3
        for _ in range(2_000):
            await there.step()
            await here.step()
            if not here.state.erasures.unfinished():
                break
            await asyncio.sleep(0.01)
        for one in (here, there):
            await one.post(event("OPENED", VALUE), key="late")
            await one.load()
        assert here.state.erasures.unfinished() == []
        assert [one.places(value) for one in (here, there) for value in (VALUE,)] == [[], []]
        assert [place for one in (here, there) for place in one.places(name) if "state.db" not in place] == []
        # Both were sent the same, which counts once.
        assert here.stored_people() == [OTHER] * 6
        assert here.erasures.dry_run(ErasureWanted(key="user", value=VALUE)).events == ()


async def test_verify_finds_who_came_back_between_two_erasures(node: Any) -> None:
    here = node()
    alone = structs.replace(here.settings, events_url="embedded")
    async with here.open():
        await here.fill()
        await here.erase()
        await here.post(event("OPENED", VALUE, timestamp=here.clock.now_ms() + 60_000))
        await here.load()
        here.store.write("CREATE TABLE IF NOT EXISTS kept_rows AS events", {})
        here.store.write("INSERT INTO kept_rows SELECT * FROM events", {})
        await here.erase()
        here.store.write("INSERT INTO events SELECT * FROM kept_rows", {})
        persons = erased_persons(here.state, here.name)
        verified = await asyncio.to_thread(Verification(alone, here.store, here.clock, no_progress, persons).run)
    assert verified.erased.events["table events"] == 1


async def test_verify_finds_what_is_left_of_a_person_and_no_archive_is_rebuilt_that_may_have_them(node: Any) -> None:
    here = node()
    alone = structs.replace(here.settings, events_url="embedded")
    async with here.open():
        await here.fill()
        kept = [(path, path.read_bytes()) for path in here.archived()]
        told = await here.erase()
        # As somebody may do with a copy of their own: the files and the rows are there again.
        (here.data / "repaired").mkdir()
        for path, content in kept:
            (here.data / "repaired" / path.name).write_bytes(content)
            kind = "quarantine" if "quarantine" in path.name else "events"
            await asyncio.to_thread(here.store.load, here.data / "repaired" / path.name, kind)

    def verified() -> tuple[dict[str, int], int]:
        persons = erased_persons(here.state, here.name)
        found = Verification(alone, here.store, here.clock, no_progress, persons).run()
        tables = {place: count for place, count in found.erased.events.items() if place.startswith("table")}
        return tables, found.problems["erased"]

    assert await asyncio.to_thread(verified) == ({"table events": 6, "table quarantine": 1}, 14)
    shown = await asyncio.to_thread(run, here, "verify")
    assert shown.exit_code == 1
    assert "erased    table events: 6 events of 1 erased person\n" in shown.stdout
    # A node that was away while they were erased has them in its archive until it has done its share.
    away = erased_persons(here.state, "away")
    assert (away.waiting, away.gone) == ({told.id}, [])
    rebuilding = Rebuilding(alone, here.store, here.clock, no_progress, away)
    with pytest.raises(CannotRebuild, match="the archive may have 1 person who is erased"):
        await asyncio.to_thread(rebuilding.run, RebuildPlan())


async def test_an_order_that_was_cut_off_before_the_pseudonyms_is_whole_when_it_is_sent_again(
    node: Any, monkeypatch: Any
) -> None:
    here = node()
    wanted = ErasureWanted(key="user", value=VALUE)
    async with here.open():
        await here.fill()
        here.order(pseudonymise=True)
        with monkeypatch.context() as cut_off:
            cut_off.setattr(here.erasures, "_of_pseudonyms", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                here.erasures.order(wanted, "root", "letter 7")
        assert len(here.state.erasures.all()) == 2
        for _ in range(2):
            here.erasures.order(wanted, "root", "letter 7")
            assert len(here.state.erasures.all()) == 3
