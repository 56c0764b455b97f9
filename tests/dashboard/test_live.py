"""Live: the page as it is without a script, its stream over the session, and what ends it."""

import asyncio
import contextlib
import sqlite3

from parts import NOW_MS

from footfall.state import RefusedKind

KIND = RefusedKind(
    customer="BARCHART",
    product="PORTFOLIO",
    type="PORTFOLIO-ACESSED",
    code="EVENT_NOT_IN_PLAN",
    place="type",
    reason="is not in the plan",
    events=7,
    first_ms=NOW_MS,
    last_ms=NOW_MS,
)


async def test_the_page_lists_the_newest_events_and_what_was_refused(site):
    async with site() as opened:
        opened.load({}, {"type": "PORTFOLIO-CREATED", "customer": "TGAM"})
        opened.state.refusals.add([KIND], NOW_MS, 10)
        root, anna = await opened.signed_in("root"), await opened.signed_in("anna")
        page = (await root.get("/dashboard/live")).text
        assert page.count("data-event=") == 2
        assert "PORTFOLIO-ACESSED" in page
        assert "<code>type</code> is not in the plan" in page
        page = (await root.get("/dashboard/live?types=PORTFOLIO-CREATED")).text
        assert page.count("data-event=") == 1
        assert 'data-stream="/dashboard/live/stream?types=PORTFOLIO-CREATED"' in page
        page = (await anna.get("/dashboard/live")).text
        assert page.count("data-event=") == 1
        assert "PORTFOLIO-ACESSED" not in page
        assert (await anna.get("/dashboard/live?customer=TGAM")).status_code == 403


async def test_an_empty_page_says_how_to_send_an_event(site):
    async with site() as opened:
        page = (await (await opened.signed_in("anna")).get("/dashboard/live")).text
    assert "curl http://events.example/events -H" in page


async def test_the_stream_tells_in_words_when_there_are_too_many(site):
    async with site(live_listeners_each_max=0) as opened:
        anna = await opened.signed_in("anna")
        answer = await anna.get("/dashboard/live/stream")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert "event: end" in answer.text
        assert "Close another page with live events" in answer.text
        assert opened.parts.live.listeners == 0
        assert (await anna.get("/dashboard/live/stream?customer=TGAM")).status_code == 403
        assert (await opened.person().get("/dashboard/live/stream")).status_code == 303


async def test_the_stream_ends_with_the_session(site):
    async with site(live_user_check_s=0.05, live_heartbeat_s=1) as opened:
        anna = await opened.signed_in("anna")
        asked = asyncio.create_task(anna.get("/dashboard/live/stream"))
        async with asyncio.timeout(20):
            while not opened.parts.live.listeners:
                await asyncio.sleep(0.01)
            await anna.post("/dashboard/sign-out-everywhere", "/dashboard/account")
            answer = await asked
        assert '{"reason":"user-changed"}' in answer.text
        assert opened.parts.live.listeners == 0


async def test_a_stream_without_its_entry_in_the_audit_log_is_not_open(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        state = opened.parts.settings.data / "state.db"
        with contextlib.closing(sqlite3.connect(state)) as connection:
            connection.execute("ALTER TABLE audit RENAME TO away")
        assert (await anna.get("/dashboard/live/stream")).status_code == 503
        assert opened.parts.live.listeners == 0
