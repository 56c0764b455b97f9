"""The audit log as a page: listed by pages, filtered, kept as a file, verified; for admins alone."""

import re

import msgspec
from sqlalchemy import update

from footfall.audit import AuditEvent
from footfall.state import AuditEntry, entry_hash
from footfall.state.tables import audit

LOG = "/dashboard/audit"


async def write(opened, *events: AuditEvent) -> None:
    for event in events:
        await opened.parts.audit.record(event)


def numbers(page: str) -> list[int]:
    return [int(each) for each in re.findall(r">entry (\d+)<", page)]


async def test_entries_are_listed_newest_first_by_pages_and_filtered_by_what_the_address_says(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        await write(opened, *[AuditEvent(action="report.start", who="eve", target=f"JOB-{n}") for n in range(120)])
        opened.clock.ms += 7_200_000
        query = {"asked": {"customer": ["TGAM", "<b>"], "wide": {"deep": 1}}}
        await write(opened, AuditEvent(action="denied", outcome="denied", address="10.0.0.9", details=query))
        first = (await root.get(LOG)).text
        assert numbers(first) == list(range(122, 22, -1))
        (older,) = re.findall(r'href="([^"]*before=[^"]*)"', first)
        assert numbers((await root.get(older)).text)[0] == 22
        denied = (await root.get(f"{LOG}?outcome=denied")).text
        assert numbers(denied) == [122]
        assert "TGAM, &lt;b&gt;" in denied
        assert "{&#34;deep&#34;:1}" in denied
        assert numbers((await root.get(f"{LOG}?who=eve&target=JOB-7")).text) == [9]
        assert numbers((await root.get(f"{LOG}?since=2023-11-15")).text)[-1] == 122
        assert "There are no such entries" in (await root.get(f"{LOG}?address=10.0.0.8")).text
        assert (await root.get(f"{LOG}?since=yesterday")).status_code == 400
        # What no entry can have chooses none, and not all.
        for path in (LOG, f"{LOG}/audit.jsonl"):
            answer = await root.get(f"{path}?who=eve%00")
            assert (answer.status_code, "JOB-" in answer.text) == (400, False)
        assert (await root.get(f"{LOG}?before={'9' * 30}")).status_code == 200


async def test_what_is_chosen_is_exported_in_order_with_all_that_the_hashes_are_over(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        await write(opened, *[AuditEvent(action="view.save", who=who) for who in ("eve", "adam", "eve")])
        answer = await root.get(f"{LOG}/audit.jsonl?who=eve")
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
        assert answer.headers["cache-control"] == "no-store"
        found = [msgspec.json.decode(line, type=AuditEntry) for line in answer.text.splitlines()]
        assert [(entry.number, entry.who) for entry in found] == [(2, "eve"), (4, "eve")]
        assert all(entry_hash(entry) == entry.hash for entry in found)
        whole = (await root.get(f"{LOG}/audit.jsonl")).text.splitlines()
        assert whole[-1] == msgspec.json.encode(opened.state.audit.newest(None, 1)[0]).decode()
        assert (await root.get(f"{LOG}/audit.csv")).status_code == 404


async def test_the_chain_is_verified_and_what_was_changed_is_told(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        await write(opened, AuditEvent(action="user.add", who="root", target="mallory"))
        head = re.findall(r"<code>(\d+:[0-9a-f]{64})</code>", (await root.get(LOG)).text)[0]
        holds = (await root.post(f"{LOG}/verify", LOG, head=head)).text
        assert "The chain holds" in holds
        assert "is another than the one" in (await root.post(f"{LOG}/verify", LOG, head="2:abc")).text
        assert (await root.post(f"{LOG}/verify", LOG, head="abc")).status_code == 400
        with opened.state.database.write() as connection:
            connection.execute(update(audit).where(audit.c.number == 2).values(target="nobody"))
        broken = (await root.post(f"{LOG}/verify", LOG)).text
        assert "The log is not as it was written" in broken
        assert "entry 2 was changed" in broken
        told = [entry.target for entry in opened.state.audit.following(0, 100) if entry.action == "audit.verify"]
        assert told == ["holds", "broken", "broken"]


async def test_only_admins_read_it(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        for path in (LOG, f"{LOG}/audit.jsonl"):
            assert (await anna.get(path)).status_code == 403
        assert (await anna.post(f"{LOG}/verify", "/dashboard/account")).status_code == 403
