"""Keys of programs: how they sign in, what they may, and how they end."""

import base64
import logging
from contextlib import closing
from typing import Any

import pytest

from footfall.accounts import Accounts, BadKey, KeyedUser, Unauthenticated, WantedKey, find_again, key_digest, may_see
from footfall.accounts.keys import DAY_MS, IssuedKey, is_key
from footfall.errors import RequestRefused
from footfall.settings import Settings
from footfall.state import State, User, UserChange

PASSWORD = "correct horse battery"


@pytest.fixture
def anna(accounts: Accounts) -> User:
    accounts.add("anna", PASSWORD, customers=("A", "B"))
    return found(accounts, "anna")


@pytest.fixture
def root(accounts: Accounts) -> User:
    accounts.add("root", PASSWORD, admin=True)
    return found(accounts, "root")


def found(accounts: Accounts, name: str) -> User:
    user = accounts.get(name)
    assert user
    return user


def issue(accounts: Accounts, user: User, *scopes: str, **fields: object) -> IssuedKey:
    return accounts.keys.issue(user, WantedKey(name="some", scopes=scopes or ("read",), **fields))  # type: ignore[arg-type]


def bearer(issued: IssuedKey) -> str:
    return f"Bearer {issued.text}"


def basic(user_id: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user_id}:{password}".encode()).decode()


async def sign_in(accounts: Accounts, header: str, address: str = "192.0.2.1") -> KeyedUser:
    user = await accounts.authenticate(header, address)
    assert isinstance(user, KeyedUser)
    return user


async def test_a_key_signs_in_as_its_user_without_a_slow_hash(accounts: Accounts, anna: User, hasher: Any) -> None:
    issued = issue(accounts, anna)
    for header in (bearer(issued), f"bearer  {issued.text} ", basic("anna", issued.text)):
        user = await sign_in(accounts, header)
        assert (user.id, user.account, user.key, user.scopes) == ("anna", anna.account, issued.key.id, ("read",))
        assert (user.admin, user.customers, user.sees_all) == (False, ("A", "B"), False)
    assert hasher.verified == 0


async def test_what_is_no_key_of_the_user_is_refused(accounts: Accounts, anna: User, root: User) -> None:
    issued = issue(accounts, anna)
    other = issued.text[:-1] + ("a" if issued.text[-1] != "a" else "b")
    for header in (
        f"Bearer {other}",
        basic("anna", other),
        basic("root", issued.text),
        basic("nobody", issued.text),
        f"Bearer {PASSWORD}",
        "Bearer",
        f"Bearer {issued.text[:-1]}",
        f"Bearer {issued.text} x",
        f"Token {issued.text}",
    ):
        with pytest.raises(Unauthenticated):
            await accounts.authenticate(header, "192.0.2.1")


async def test_the_password_goes_on_beside_keys(accounts: Accounts, anna: User) -> None:
    issue(accounts, anna)
    assert await accounts.authenticate(basic("anna", PASSWORD), "192.0.2.1") == anna


async def test_a_key_is_kept_as_its_digest_and_has_256_bits(accounts: Accounts, anna: User, state: State) -> None:
    issued = issue(accounts, anna)
    assert issued.key.digest == key_digest(issued.text)
    stored = state.keys.get(issued.key.id)
    assert stored
    assert stored[1] == issued.key
    assert is_key(issued.text)
    assert 62 ** len(issued.text.rpartition("_")[2]) >= 2**256
    secret = issued.text.rpartition("_")[2]
    assert secret not in repr(issued) + repr(issued.key) + repr(await sign_in(accounts, bearer(issued)))


async def test_the_rights_are_those_that_both_have(accounts: Accounts, anna: User, state: State) -> None:
    narrow, wide = issue(accounts, anna, customers=("B",), products=("P",)), issue(accounts, anna)
    user = await sign_in(accounts, bearer(narrow))
    seen = [may_see(user, *each) for each in (("B",), ("B", "P"), ("B", "Q"), ("A", "P"), ("C",))]
    assert seen == [True, True, False, False, False]
    accounts.revoke("anna", ["B"])
    user = await sign_in(accounts, bearer(narrow))
    assert not may_see(user, "B")
    accounts.grant("anna", ["C"])
    assert (await sign_in(accounts, bearer(wide))).customers == ("A", "C")


async def test_a_key_of_an_admin_is_an_admin_only_with_the_scope(accounts: Accounts, root: User) -> None:
    reads, rules = issue(accounts, root, "read"), issue(accounts, root, "admin")
    limited = issue(accounts, root, "read", customers=("A",))
    user = await sign_in(accounts, bearer(reads))
    assert (user.admin, user.sees_all, user.monitor, may_see(user, "any")) == (False, True, True, True)
    user = await sign_in(accounts, bearer(limited))
    assert (user.admin, user.sees_all, user.monitor, user.customers) == (False, False, False, ("A",))
    assert (await sign_in(accounts, bearer(rules))).admin
    accounts.add("second", PASSWORD, admin=True)
    accounts.change("root", UserChange(admin=False))
    assert not (await sign_in(accounts, bearer(rules))).admin
    assert not may_see(await sign_in(accounts, bearer(reads)), "any")


async def test_a_key_ends_when_it_is_revoked_over_or_its_user_removed(
    accounts: Accounts, anna: User, root: User, clock: Any, state: State
) -> None:
    revoked, over, orphan = issue(accounts, anna), issue(accounts, anna, days=1), issue(accounts, anna)
    users = [await sign_in(accounts, bearer(each)) for each in (revoked, over, orphan)]
    assert accounts.keys.revoke(revoked.key.id)
    assert not accounts.keys.revoke(revoked.key.id)
    clock.ms += DAY_MS
    # Links and streams that a key has open find out too.
    assert [find_again(state, user, clock.ms) is None for user in users] == [True, True, False]
    assert accounts.remove("anna")
    assert find_again(state, users[2], clock.ms) is None
    for each in (revoked, over, orphan):
        with pytest.raises(Unauthenticated):
            await accounts.authenticate(bearer(each), "192.0.2.1")


async def test_a_rotated_key_works_for_the_overlap(accounts: Accounts, anna: User, clock: Any) -> None:
    old = issue(accounts, anna, "read", "report", customers=("A",), products=("P",), days=10)
    clock.ms += 3 * DAY_MS
    new = accounts.keys.rotate(old.key, 60)
    assert new
    assert (new.key.replaces, new.key.expires_ms) == (old.key.id, clock.ms + 10 * DAY_MS)
    first, second = await sign_in(accounts, bearer(old)), await sign_in(accounts, bearer(new))
    assert (first.scopes, first.customers, first.products) == (second.scopes, second.customers, second.products)
    clock.ms += 60_000
    with pytest.raises(Unauthenticated):
        await accounts.authenticate(bearer(old), "192.0.2.1")
    await sign_in(accounts, bearer(new))
    expired = accounts.keys.get(old.key.id)
    assert expired
    with pytest.raises(BadKey, match="expired"):
        accounts.keys.rotate(expired[1], 60)


@pytest.mark.parametrize("days", [None, 300])
def test_a_key_that_is_rotated_lives_no_longer_than_keys_may_now(
    accounts: Accounts, anna: User, state: State, clock: Any, days: int | None
) -> None:
    old = issue(accounts, anna, days=days)
    with closing(Accounts(state, Settings(key_days_max=30), clock)) as later:
        new = later.keys.rotate(old.key, 60)
    assert new
    assert new.key.expires_ms == clock.ms + 30 * DAY_MS


async def test_the_last_use_is_written_once_a_minute(
    accounts: Accounts, anna: User, clock: Any, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, written = issue(accounts, anna), []
    note_use = state.keys.note_use
    monkeypatch.setattr(state.keys, "note_use", lambda *given: (written.append(given), note_use(*given)))
    for _ in range(3):
        for _ in range(5):
            await sign_in(accounts, bearer(issued))
            clock.ms += 1_000
        clock.ms += 56_000
    assert len(written) == 3
    stored = accounts.keys.get(issued.key.id)
    assert stored
    assert stored[1].used_ms == clock.ms - 61_000


async def test_an_old_key_that_is_tried_again_and_again_keeps_nobody_out(accounts: Accounts, anna: User) -> None:
    old, good = issue(accounts, anna), issue(accounts, anna)
    accounts.keys.revoke(old.key.id)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await accounts.authenticate(bearer(old), "192.0.2.1")
    with pytest.raises(RequestRefused, match="too many failed"):
        await accounts.authenticate(bearer(old), "192.0.2.1")
    await sign_in(accounts, bearer(good))
    assert await accounts.authenticate(basic("anna", PASSWORD), "192.0.2.1") == anna


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"scopes": ()}, "one or more of the scopes"),
        ({"scopes": ("write",)}, "one or more of the scopes"),
        ({"name": ""}, "a key's name"),
        ({"name": "a\nb"}, "a key's name"),
        ({"customers": ("C",)}, "does not see C"),
        ({"products": ("",)}, "codes of products"),
        ({"scopes": ("admin",), "customers": ("A",)}, "for all customers"),
        ({"scopes": ("read", "admin"), "products": ("P",)}, "for all customers"),
        ({"days": 0}, "1 to 3650 days"),
        ({"days": 3_651}, "1 to 3650 days"),
    ],
)
def test_a_key_that_cannot_be_is_refused(accounts: Accounts, anna: User, fields: dict[str, object], why: str) -> None:
    wanted = WantedKey(**({"name": "some", "scopes": ("read",)} | fields))  # type: ignore[arg-type]
    with pytest.raises(BadKey, match=why):
        accounts.keys.issue(anna, wanted)
    assert accounts.keys.page(None, "", 10) == []


async def test_a_key_makes_no_key_with_scopes_that_it_lacks(accounts: Accounts, anna: User) -> None:
    by = await sign_in(accounts, bearer(issue(accounts, anna, "admin")))
    with pytest.raises(BadKey, match="has not the scope read"):
        accounts.keys.issue(anna, WantedKey(name="some", scopes=("read", "admin")), by)
    with pytest.raises(BadKey, match="has not the scope read"):
        accounts.keys.rotate(issue(accounts, anna, "read").key, 0, by)
    assert accounts.keys.issue(anna, WantedKey(name="some", scopes=("admin",)), by)


async def test_no_log_has_a_key(accounts: Accounts, anna: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    issued = issue(accounts, anna)
    await sign_in(accounts, bearer(issued))
    accounts.keys.revoke(issued.key.id)
    for header in (bearer(issued), basic("anna", issued.text), basic(issued.text, "wrong password")):
        with pytest.raises(Unauthenticated):
            await accounts.authenticate(header, "192.0.2.1")
    assert "failed" in caplog.text
    assert issued.text.rpartition("_")[2] not in caplog.text
