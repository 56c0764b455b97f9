"""The keys of one's own account as pages: made, shown once, rotated, withdrawn, and nobody else's."""

import json
import re

import pytest
from identity_providers import through
from parts import PASSWORD

from footfall.accounts import WantedKey
from footfall.dashboard.visit import FRESH_MS

KEYS = "/dashboard/account/keys"
DAY_MS = 86_400_000


def key_of(page: str) -> str:
    """The text of the key that a page shows."""
    return re.findall(r"footfall_[a-z0-9]{10}_[A-Za-z0-9]{43}", page)[0]


async def make(person, **changes):
    fields = {"name": "the shop", "scope": ["send", "read"], "days": "30", "present": PASSWORD} | changes
    return await person.post(KEYS, KEYS, **fields)


async def test_a_key_is_shown_once_and_signs_in_with_the_rights_that_were_ticked(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        assert "You have no keys yet" in (await anna.get(KEYS)).text
        made = await make(anna, customer="BARCHART", product="PORTFOLIO")
        assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
        text = key_of(made.text)
        user = opened.parts.accounts.keys.authenticate(text)
        assert (user.id, user.scopes, user.customers, user.products) == (
            "anna",
            ("send", "read"),
            ("BARCHART",),
            ("PORTFOLIO",),
        )
        listed = (await anna.get(KEYS)).text
        assert text not in listed
        assert "the shop" in listed
        one = (await anna.get(f"{KEYS}/{user.key}")).text
        assert text not in one
        assert 'data-kind="time">2023-12-14 22:13' in one


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scope": []}, "one or more of the scopes"),
        ({"customer": "TGAM"}, "does not see TGAM"),
        ({"days": "soon"}, "whole number"),
        ({"days": "0"}, "1 to 3650 days"),
        ({"present": "wrong"}, "The present password is not right."),
        ({"scope": ["admin"], "product": "PORTFOLIO"}, "for all customers and products"),
    ],
)
async def test_a_key_that_cannot_be_is_told_beside_the_form_as_it_was_filled(site, fields, said):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        refused = await make(anna, **fields)
        assert (refused.status_code, said in refused.text) == (400, True)
        assert 'value="the shop"' in refused.text
        assert PASSWORD not in refused.text
        assert opened.parts.accounts.keys.page(None, "", 10) == []


async def test_a_user_has_no_more_keys_than_the_settings_allow_and_none_for_longer(site):
    async with site(keys_max=1, key_days_max=40) as opened:
        anna = await opened.signed_in("anna")
        assert 'value="40"' in (await anna.get(KEYS)).text
        assert "after 40 days at the most" in (await make(anna, days="41")).text
        assert (await make(anna)).status_code == 200
        refused = await make(anna)
        assert (refused.status_code, "withdraw one first" in refused.text) == (400, True)


async def test_a_key_is_rotated_with_an_overlap_and_withdrawn(site):
    async with site() as opened:
        anna, keys = await opened.signed_in("anna"), opened.parts.accounts.keys
        old = key_of((await make(anna, days="")).text)
        page = f"{KEYS}/{keys.authenticate(old).key}"
        assert (await anna.post(f"{page}/rotate", page, overlap="3600", present="wrong")).status_code == 400
        assert (await anna.post(f"{page}/rotate", page, overlap="7", present=PASSWORD)).status_code == 400
        new = key_of((await anna.post(f"{page}/rotate", page, overlap="3600", present=PASSWORD)).text)
        assert keys.authenticate(old).key != keys.authenticate(new).key
        opened.clock.ms += 3_600_000
        assert keys.authenticate(old) is None
        assert keys.authenticate(new).scopes == ("send", "read")
        assert "has ended" in (await anna.get(page)).text
        page = f"{KEYS}/{keys.authenticate(new).key}"
        assert (await anna.post(f"{page}/revoke", page)).status_code == 400
        done = await anna.post(f"{page}/revoke", page, sure="yes")
        assert done.headers["location"] == f"{KEYS}?done=revoked"
        assert keys.authenticate(new) is None
        assert (await anna.get(page)).status_code == 404


async def test_the_keys_of_others_are_not_there_for_an_admin_either(site):
    async with site() as opened:
        root, keys = await opened.signed_in("root"), opened.parts.accounts.keys
        anna = opened.parts.accounts.get("anna")
        issued = keys.issue(anna, WantedKey(name="hers alone", scopes=("read",)))
        assert "hers alone" not in (await root.get(KEYS)).text
        page = f"{KEYS}/{issued.key.id}"
        assert (await root.get(page)).status_code == 404
        assert (await root.post(f"{page}/revoke", KEYS, sure="yes")).status_code == 404
        assert (await root.post(f"{page}/rotate", KEYS, overlap="0", present=PASSWORD)).status_code == 404
        assert keys.authenticate(issued.text) is not None


async def test_the_audit_log_has_who_made_which_key_and_neither_its_text_nor_the_password(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        text = key_of((await make(anna)).text)
        await make(anna, days="0")
        page = f"{KEYS}/{opened.parts.accounts.keys.authenticate(text).key}"
        await anna.post(f"{page}/rotate", page, overlap="0", present=PASSWORD)
        await anna.post(f"{page}/revoke", page, sure="yes")
        await opened.parts.audit.close()
        entries = [entry for entry in opened.state.audit.following(0, 100) if entry.action.startswith("key.")]
    name = page.rpartition("/")[2]
    assert [(entry.action, entry.target) for entry in entries] == [
        ("key.add", name),
        ("key.rotate", name),
        ("key.revoke", name),
    ]
    assert json.loads(entries[0].details)["asked"] == {"name": "the shop", "scope": ["send", "read"], "days": "30"}
    assert not any(word in entry.details for entry in entries for word in (text, PASSWORD))


async def test_whom_a_provider_signs_in_makes_a_key_only_soon_after_that(sso, provider):
    async with sso() as opened:
        mia, root = opened.person(), await opened.signed_in("root")
        await through(mia, provider)
        assert (await make(mia, present="")).status_code == 200
        assert (await make(root, present="wrong")).status_code == 400
        account = "/dashboard/account"
        fields = {"present": "", "password": "a few more words", "again": "a few more words"}
        assert (await mia.post(f"{account}/password", account, **fields)).status_code == 400
        opened.clock.ms += FRESH_MS
        for person in (mia, root):
            refused = await make(person, present="")
            assert (refused.status_code, "sign out and in again first" in refused.text) == (400, True)
        assert (await make(root)).status_code == 200
