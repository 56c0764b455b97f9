"""Users and one's own account as pages: adding, rights, passwords, removal, the zone; and what ends with them."""

import json

import pytest

from footfall.accounts import Unauthenticated
from footfall.dashboard.words import file_size, seconds

LIST, ONE, ACCOUNT = "/dashboard/users", "/dashboard/users/one", "/dashboard/account"
WORDS = "a few more words"


async def test_a_user_is_added_with_rights_and_can_sign_in(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        fields = {
            "id": "bob <b>",
            "password": WORDS,
            "customer": "TGAM",
            "more_customers": "ACME, GLOBEX",
            "monitor": "yes",
        }
        added = await root.post(LIST, LIST, **fields)
        assert added.headers["location"] == f"{ONE}?user=bob%20%3Cb%3E&done=added"
        page = (await root.get(added.headers["location"])).text
        assert "bob &lt;b&gt;" in page
        assert "The user was added." in page
        user = next(each for each in opened.parts.accounts.list() if each.id == "bob <b>")
        assert (user.customers, user.admin, user.monitor) == (("TGAM", "ACME", "GLOBEX"), False, True)
        bob = opened.person()
        assert (await bob.sign_in("bob <b>", WORDS)).status_code == 303
        assert "GLOBEX" in (await bob.get(ACCOUNT)).text
        assert "TGAM, ACME, GLOBEX" in (await root.get(LIST)).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "eve", "password": "short"}, "a password has at least 10 characters"),
        ({"id": "anna", "password": WORDS}, "anna"),
        ({"id": "", "password": WORDS}, ""),
        ({"id": "a:b", "password": WORDS}, ":"),
    ],
)
async def test_what_cannot_be_a_user_is_told_beside_the_form(site, fields, said):
    async with site() as opened:
        root = await opened.signed_in("root")
        refused = await root.post(LIST, LIST, **fields, context="kept as typed")
        assert refused.status_code == 400
        assert said in refused.text
        assert 'value="kept as typed"' in refused.text
        assert WORDS not in refused.text
        assert [user.id for user in opened.parts.accounts.list()] == ["anna", "root"]


async def test_rights_are_exactly_those_of_the_form_and_count_at_once(site):
    async with site() as opened:
        root, anna = await opened.signed_in("root"), await opened.signed_in("anna")
        changed = await root.post(
            f"{LIST}/rights", f"{ONE}?user=anna", user="anna", customer="TGAM", context="t.example"
        )
        assert changed.headers["location"].endswith("done=rights")
        user = next(each for each in opened.parts.accounts.list() if each.id == "anna")
        assert (user.customers, user.context, user.admin) == (("TGAM",), "t.example", False)
        assert "<code>TGAM</code>" in (await anna.get(ACCOUNT)).text
        assert (await anna.get(LIST)).status_code == 403
        await root.post(f"{LIST}/rights", f"{ONE}?user=anna", user="anna", admin="yes")
        assert (await anna.get(LIST)).status_code == 200


async def test_rights_that_are_refused_change_nothing(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        before = opened.parts.accounts.get("anna")
        fields = {"user": "anna", "admin": "yes", "monitor": "yes", "more_customers": "A" * 1_000}
        assert (await root.post(f"{LIST}/rights", f"{ONE}?user=anna", **fields)).status_code == 400
        assert opened.parts.accounts.get("anna") == before


async def test_the_audit_log_has_every_customer_that_was_given(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        fields = {"user": "anna", "customer": ["TGAM", "BARCHART"]}
        await root.post(f"{LIST}/rights", f"{ONE}?user=anna", **fields)
        await opened.parts.audit.close()
        (entry,) = [each for each in opened.state.audit.following(0, 100) if each.action == "user.change"]
        assert json.loads(entry.details)["asked"]["customer"] == ["TGAM", "BARCHART"]


async def test_the_last_admin_stays_one_and_stays(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        for path, fields in ((f"{LIST}/rights", {}), (f"{LIST}/remove", {"sure": "yes"})):
            refused = await root.post(path, f"{ONE}?user=root", user="root", **fields)
            assert (refused.status_code, "admin" in refused.text) == (400, True)
        assert next(each for each in opened.parts.accounts.list() if each.id == "root").admin


async def test_a_new_password_ends_the_users_sessions_and_a_removal_needs_a_tick(site):
    async with site() as opened:
        root, anna = await opened.signed_in("root"), await opened.signed_in("anna")
        assert (await root.post(f"{LIST}/password", LIST, user="anna", password="short")).status_code == 400
        await root.post(f"{LIST}/password", LIST, user="anna", password=WORDS)
        assert (await anna.get(ACCOUNT)).status_code == 303
        assert (await anna.sign_in("anna", WORDS)).status_code == 303
        assert (await root.post(f"{LIST}/remove", LIST, user="anna")).status_code == 400
        assert (await anna.get(ACCOUNT)).status_code == 200
        removed = await root.post(f"{LIST}/remove", LIST, user="anna", sure="yes")
        assert removed.headers["location"] == f"{LIST}?done=removed"
        assert (await anna.get(ACCOUNT)).status_code == 303
        assert (await root.get(f"{ONE}?user=anna")).status_code == 404
        assert (await root.post(f"{LIST}/password", LIST, user="anna", password=WORDS)).status_code == 404


async def test_an_admin_sees_where_a_user_is_signed_in_and_ends_that(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        assert "In no browser." in (await root.get(f"{ONE}?user=anna")).text
        anna, there = await opened.signed_in("anna"), await opened.signed_in("anna")
        assert (await root.get(f"{ONE}?user=anna")).text.count('data-label="Last used"') == 2
        ended = await root.post(f"{LIST}/sign-out", f"{ONE}?user=anna", user="anna")
        assert ended.headers["location"].endswith("done=signed_out")
        assert [(await each.get(ACCOUNT)).status_code for each in (anna, there, root)] == [303, 303, 200]
        assert (await anna.sign_in("anna", "correct horse battery")).status_code == 303
        assert (await root.post(f"{LIST}/sign-out", LIST, user="nobody")).status_code == 404
        await opened.parts.audit.close()
        found = [(each.who, each.target) for each in opened.state.audit.following(0, 100, action="user.sign_out")]
        assert found == [("root", "anna")]


async def test_a_user_changes_the_password_stays_here_and_is_signed_out_elsewhere(site):
    async with site() as opened:
        here, there = await opened.signed_in("anna"), await opened.signed_in("anna")
        present = "correct horse battery"
        for fields, said in (
            ({"present": "wrong", "password": WORDS, "again": WORDS}, "The present password is not right."),
            ({"present": present, "password": WORDS, "again": "others"}, "not typed the same twice"),
            ({"present": present, "password": "short", "again": "short"}, "at least 10 characters"),
        ):
            refused = await here.post(f"{ACCOUNT}/password", ACCOUNT, **fields)
            assert (refused.status_code, said in refused.text) == (400, True)
        before = here.client.cookies.jar
        token = {cookie.value for cookie in before}
        changed = await here.post(f"{ACCOUNT}/password", ACCOUNT, present=present, password=WORDS, again=WORDS)
        assert changed.headers["location"] == f"{ACCOUNT}?done=password"
        assert {cookie.value for cookie in here.client.cookies.jar} != token
        assert "The password was changed." in (await here.get(changed.headers["location"])).text
        assert (await there.get(ACCOUNT)).status_code == 303
        with pytest.raises(Unauthenticated):
            await opened.parts.accounts.check("anna", present, "127.0.0.1")


async def test_guessing_the_present_password_is_bounded_as_signing_in_is(site):
    async with site(login_failures_max=3) as opened:
        anna = await opened.signed_in("anna")
        fields = {"present": "wrong", "password": WORDS, "again": WORDS}
        answers = [(await anna.post(f"{ACCOUNT}/password", ACCOUNT, **fields)).status_code for _ in range(5)]
        assert answers == [400, 400, 400, 429, 429]


async def test_the_zone_of_this_browser_is_that_of_its_times(site):
    async with site() as opened:
        anna = await opened.signed_in("anna")
        assert (await anna.post(f"{ACCOUNT}/zone", ACCOUNT, timezone="Mars/Base")).status_code == 400
        await anna.post(f"{ACCOUNT}/zone", ACCOUNT, timezone="Asia/Tokyo")
        page = (await anna.get(ACCOUNT)).text
        assert 'data-zone="Asia/Tokyo"' in page
        assert page.count(">this one<") == 1
        assert 'data-zone="Europe/Berlin"' in (await anna.get(f"{ACCOUNT}?timezone=Europe/Berlin")).text


def test_sizes_and_times_are_told_in_their_largest_unit():
    assert [file_size(number) for number in (0, 999, 1_000, 12_345, 4_000_000, 81_100_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1 kB",
        "12.3 kB",
        "4 MB",
        "81.1 GB",
    ]
    assert [seconds(number) for number in (0.42, 90, 120, 7_199, 7_200, 172_800)] == [
        "0.4 s",
        "90 s",
        "2 minutes",
        "120 minutes",
        "2 hours",
        "2 days",
    ]


async def test_what_was_changed_is_in_the_audit_log_without_passwords_and_what_was_refused_is_not(site):
    async with site() as opened:
        root = await opened.signed_in("root")
        await root.post(LIST, LIST, id="bob", password="short")
        await root.post(LIST, LIST, id="bob", password=WORDS, customer="TGAM")
        fields = {"present": "correct horse battery", "password": WORDS, "again": WORDS}
        await root.post(f"{ACCOUNT}/password", ACCOUNT, **fields)
        await opened.parts.audit.close()
        entries = [entry for entry in opened.state.audit.following(0, 100) if entry.action.startswith("user.")]
    assert [(entry.who, entry.action, entry.target) for entry in entries] == [
        ("root", "user.add", "bob"),
        ("root", "user.password", "root"),
    ]
    assert not any(word in entry.details for entry in entries for word in ("horse", WORDS))
