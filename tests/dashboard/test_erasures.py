"""Erasures as a page: what there is, the order, which is one however often it is sent, and the receipt in words."""

import json
import re

from footfall.state import ErasurePhase, ErasureShare

PAGE, LOOK = "/dashboard/erasures", "/dashboard/erasures/look"
VALUE = "zebra <4711>"


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the form on a page."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.partition("<main")[2])
    return {name: value.replace("&lt;", "<").replace("&gt;", ">") for name, value in found if name != "form"}


async def test_a_person_is_looked_for_erased_once_and_told_of_in_words(site):
    async with site() as opened:
        opened.load({"context": [VALUE, "p"]}, {"context": [VALUE, "q"]}, {"context": ["bob", "p"]})
        root = await opened.signed_in("root")
        assert "Nobody was erased" in (await root.get(PAGE)).text
        asked = {"key": "userId", "person": VALUE, "customer": "BARCHART", "mode": "erase"}
        trial = await root.post(LOOK, PAGE, **asked)
        assert trial.status_code == 200
        assert 'data-number="erased_events"><data value="2">' in trial.text
        assert opened.state.erasures.all() == []
        form = fields(trial.text)
        assert {name: form[name] for name in asked} == asked
        unsure = await root.post(PAGE, PAGE, **form)
        assert (unsure.status_code, opened.state.erasures.all()) == (400, [])
        for _ in range(2):
            ordered = await root.post(PAGE, PAGE, **form, sure="yes")
            assert ordered.status_code == 303
        (one,) = opened.state.erasures.all()
        assert ordered.headers["location"] == f"{PAGE}/{one.id}"
        running = (await root.get(f"{PAGE}/{one.id}")).text
        assert 'data-live="running"' in running
        # What workers leave.
        opened.state.erasures.put_shares([ErasureShare(one.id, "node", 1, '{"segments":1,"events":2}')])
        events = [{"customer": "BARCHART", "product": "PORTFOLIO", "events": 2, "first": 1, "last": 2}]
        reports = [{"source": "JOB-1", "file": "out of reach", "destination": "s3://lake/a.csv"}]
        backups = [{"place": "/mnt/a", "tombstone": True}, {"place": "/mnt/b", "tombstone": False, "why": "it is full"}]
        receipt = {"events": events, "quarantined": [], "reports": reports, "searched": 3, "deleted": 4}
        receipt |= {"backups": backups, "outOfReach": ["downloads & copies"]}
        opened.state.erasures.advance(one.id, ErasurePhase.DONE, json.dumps(receipt), 5)
        page = (await root.get(f"{PAGE}/{one.id}")).text
        for said in (
            "at the destination s3://lake/a.csv is out of reach",
            "/mnt/a has a tombstone",
            "/mnt/b has no tombstone: it is full",
            "downloads &amp; copies",
            'data-number="erased_files"><data value="2">',
        ):
            assert said in page, said
        listed = (await root.get(PAGE)).text
        assert f"{PAGE}/{one.id}" in listed
        await opened.parts.audit.close()
        entries = [entry for entry in opened.state.audit.following(0, 100) if entry.action.startswith("erasure")]
        assert [(entry.action, entry.target) for entry in entries] == [
            ("erasure.try", ""),
            *[("erasure.order", one.id)] * 2,
        ]
        assert "zebra" not in str(entries) + page + listed


async def test_what_is_no_order_is_told_beside_the_form_which_keeps_no_value(site):
    async with site() as opened:
        root, anna = await opened.signed_in("root"), await opened.signed_in("anna")
        assert (await anna.get(PAGE)).status_code == 403
        for path in (PAGE, LOOK):
            refused = await root.post(path, PAGE, key="person", person=VALUE, mode="erase", sure="yes")
            assert (refused.status_code, "no product has the key" in refused.text) == (400, True)
            assert "zebra" not in refused.text
        assert (await root.get(f"{PAGE}/none")).status_code == 404
        assert opened.state.erasures.all() == []
