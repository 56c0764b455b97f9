"""Events: listed by pages, their details, and the receipt of a batch."""

import re

BATCH = "0b3f6a1e-52a4-4a3e-9a44-4f1d2c3b5a69"


async def test_events_are_listed_newest_first_by_pages_with_names_of_the_context(site):
    async with site() as opened:
        opened.load(*({"batch": BATCH, "sequence": number} for number in range(1, 61)))
        opened.load({"customer": "TGAM"})
        anna = await opened.signed_in("anna")
        page = (await anna.get("/dashboard/events")).text
        assert page.count("data-event=") == 50
        assert f'data-event="{BATCH}/60"' in page
        assert '<span class="faint">userId</span> <code>ada</code>' in page
        assert 'data-number="events" data-duplicates="0" data-late="0"' in page
        assert '<data value="60">60</data>' in page
        (older,) = re.findall(r'<a class="button" href="([^"]*after=[^"]*)"', page)
        page = (await anna.get(older.replace("&amp;", "&"))).text
        assert page.count("data-event=") == 10
        assert f'data-event="{BATCH}/1"' in page
        assert (await anna.get("/dashboard/events?after=x")).status_code == 400
        read = [entry.action for entry in opened.parts.audit.newest(None, 10)]
        assert "events.read" in read


async def test_a_receipt_says_of_each_event_where_it_is(site):
    async with site() as opened:
        opened.load({"batch": BATCH})
        anna = await opened.signed_in("anna")
        assert "Which batch?" in (await anna.get("/dashboard/events/batch")).text
        page = (await anna.get(f"/dashboard/events/batch?batch={BATCH}")).text
        assert '<span class="state complete">in the store</span>' in page
        assert "in all that are started after <time" in page
        assert (await anna.get("/dashboard/events/batch?batch=x")).status_code == 400
        assert (await anna.get(f"/dashboard/events/batch?batch={BATCH[:-1]}0")).status_code == 404
