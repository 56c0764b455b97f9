"""The audit log of pages: forms that change something, single events that were read, and what is in neither."""

import json

from footfall.dashboard import PAGES

# Forms that have no entry of this kind, each with its reason.
UNAUDITED = {
    "/dashboard/sign-in": "has its own, with who signed in",
    "/dashboard/sign-out": "has its own",
    "/dashboard/sign-out-everywhere": "has its own",
    "/dashboard/theme": "colours",
    "/dashboard/account/zone": "the clock of this browser",
}


def test_every_form_has_an_entry_or_a_reason_for_none():
    without = {page.path for page in PAGES if page.method == "POST" and not page.audit}
    assert without == UNAUDITED.keys() & without


async def test_what_forms_change_and_who_reads_events_is_written_down(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        fields = {"call": "counts", "name": "mine", "parameters": "range=7d"}
        assert (await anna.post("/dashboard/views/save", "/dashboard/views", **fields)).status_code == 303
        query = "customer=BARCHART&product=PORTFOLIO"
        assert (await anna.get(f"/dashboard/usage/events.csv?{query}")).status_code == 200
        assert (await anna.get(f"/dashboard/usage/counts.csv?{query}")).status_code == 200
        await anna.get("/dashboard/usage/counts.csv?customer=TGAM&product=ALERT")
        await anna.post("/dashboard/theme", "/dashboard/account", theme="dark")
        await opened.parts.audit.close()
        entries = [entry for entry in opened.state.audit.following(0, 100) if not entry.action.startswith("session")]
        told = [(entry.who, entry.action, entry.target, json.loads(entry.details)) for entry in entries]
        assert told == [
            ("anna", "view.save", "", {"asked": fields}),
            ("anna", "events.read", "events.csv", {"query": {"customer": ["BARCHART"], "product": ["PORTFOLIO"]}}),
            ("anna", "denied", "GET /dashboard/usage/{file}", {"why": "you may not see the customer 'TGAM'"}),
        ]
