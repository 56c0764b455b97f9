"""`footfall erase` and `footfall erasures`: what they print, what they write down, and that the value is in neither."""

import asyncio
import json
import threading
from typing import Any

from erased import OTHER, VALUE, run


async def test_the_command_erases_and_tells_it_without_the_value(node: Any) -> None:
    here = node()
    async with here.open():
        await here.fill()
    told = await asyncio.to_thread(run, here, f"erase --key user --value {VALUE} --dry-run")
    assert [line.split()[:4] for line in told.stdout.splitlines()] == [
        ["IN", "CUSTOMER", "PRODUCT", "EVENTS"],
        ["events", "C", "SHOP", "6"],
        ["quarantine", "C", "SHOP", "1"],
    ]
    refused = await asyncio.to_thread(run, here, f"erase --key person --value {VALUE}")
    assert (refused.exit_code, refused.stderr) == (1, "Error: no product has the key 'person': item, user\n")
    unwritable = await asyncio.to_thread(run, here, "erase --key user --value zebra\udcff")
    assert (unwritable.exit_code, unwritable.stderr) == (1, "Error: the value is not UTF-8, which no event has\n")
    # Nothing was ordered or changed, and without a yes nothing is.
    undecided = await asyncio.to_thread(run, here, f"erase --key user --value {VALUE}", "n\n")
    assert undecided.exit_code == 1
    assert (here.state.erasures.all(), len(here.stored_people())) == ([], 12)

    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            here.loader.tick()
            here.eraser.tick()
            over.wait(0.01)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        done = await asyncio.to_thread(run, here, "erase --key user --value - --yes --json", f"{VALUE}\r\n")
    finally:
        over.set()
        worker.join()
    assert (done.exit_code, here.stored_people(), here.places(VALUE)) == (0, [OTHER] * 6, [])
    receipt = json.loads(done.stdout)
    assert (receipt["status"], receipt["receipt"]["events"][0]["events"]) == ("done", 6)
    shown = await asyncio.to_thread(run, here, f"erasures {receipt['id']}")
    assert "store      6 events of C SHOP\nquarantine 1 event of C SHOP\n" in shown.stdout
    listed = await asyncio.to_thread(run, here, "erasures")
    assert listed.stdout.splitlines()[1].split()[:4] == [receipt["id"], "done", "erase", "user"]
    written = [entry for entry in here.state.audit.newest(None, 100) if entry.action == "erasure.order"]
    assert (len(written), VALUE in str(written)) == (2, False)
    for said in (told, done, shown, listed):
        assert VALUE not in said.output
