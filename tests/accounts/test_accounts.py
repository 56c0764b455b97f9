from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from footfall.accounts import Accounts, BadUser, may_see
from footfall.service.preparation import prepare
from footfall.settings import Settings
from footfall.state import LastAdmin, State, User, UserExists

PASSWORD = "open sesame: please"
# As many bytes as a password may have.
LONG = ("quiet lamps over seven wet harbours; " * 30)[:1_024]


def test_a_user_is_added_as_described(accounts: Accounts, clock: Any) -> None:
    accounts.add("alice", PASSWORD, context="c", permissions="p", customers=("B", "A", "B"), admin=True)
    (user,) = accounts.list()
    assert (user.id, user.context, user.permissions, user.customers) == ("alice", "c", "p", ("B", "A"))
    assert (user.admin, user.created_ms) == (True, clock.ms)


def test_an_id_is_taken_once_however_it_is_written(accounts: Accounts) -> None:
    accounts.add("Zo\u00eb", PASSWORD)
    with pytest.raises(UserExists, match="exists already"):
        accounts.add("Zoe\u0308", PASSWORD)


@pytest.mark.parametrize("user_id", ["a", "x" * 200, "Zoë", "alice smith", "alice@example.com", "日本"])
def test_an_id_may_be(accounts: Accounts, user_id: str) -> None:
    accounts.add(user_id, PASSWORD)


@pytest.mark.parametrize("user_id", ["", "x" * 201, "a:b", "a\nb", "\x00", "\x1b[31m", "\u202e", "\ud800"])
def test_an_id_may_not_be(accounts: Accounts, user_id: str) -> None:
    with pytest.raises(BadUser, match="a user id has 1 to 200 printable characters"):
        accounts.add(user_id, PASSWORD)
    assert accounts.list() == []


@pytest.mark.parametrize("password", ["ten chars!", "日本語のパスワード長い", LONG, LONG[:512].replace(" ", "é")])
def test_a_password_may_be(accounts: Accounts, password: str) -> None:
    accounts.add("alice", password)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 10 characters"),
        ("nine char", "at least 10 characters"),
        ("e\u0301" * 9, "at least 10 characters"),
        ("x" * 1_025, "at most 1024 bytes"),
        ("é" * 513, "at most 1024 bytes"),
        ("with\x00control", "no control characters"),
        ("with\ttabulator", "no control characters"),
        ("half a pair \ud800", "no control characters"),
    ],
)
def test_a_password_may_not_be(accounts: Accounts, password: str, why: str) -> None:
    accounts.add("bob", PASSWORD)
    for use in (lambda: accounts.add("alice", password), lambda: accounts.password("bob", password)):
        with pytest.raises(BadUser, match=why) as refused:
            use()
        assert not password or password not in str(refused.value)
    assert [user.id for user in accounts.list()] == ["bob"]


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"context": "a\nb"}, "context"),
        ({"context": "x" * 1_001}, "context"),
        ({"permissions": "\x00"}, "permissions"),
        ({"customers": ("",)}, "customer's code"),
        ({"customers": ("GOOD", "B\nAD")}, "customer's code"),
        ({"customers": ("x" * 201,)}, "customer's code"),
    ],
)
def test_details_may_not_be(accounts: Accounts, details: dict[str, Any], why: str) -> None:
    with pytest.raises(BadUser, match=why):
        accounts.add("alice", PASSWORD, **details)


def test_who_is_not_there_is_not_changed(accounts: Accounts) -> None:
    assert not accounts.password("alice", PASSWORD)
    assert not accounts.remove("alice")


def test_the_last_admin_is_not_removed(accounts: Accounts) -> None:
    accounts.add("root", PASSWORD, admin=True)
    with pytest.raises(LastAdmin, match="make another one first"):
        accounts.remove("root")


@pytest.mark.parametrize(
    ("user", "customer", "expected"),
    [
        ({"customers": ("A", "B")}, "A", True),
        ({"customers": ("A", "B")}, "C", False),
        ({"customers": ("A",)}, "a", False),
        ({"customers": ()}, "A", False),
        ({"customers": ()}, "", False),
        ({"admin": True}, "A", True),
    ],
)
def test_users_see_their_customers_and_admins_all(user: dict[str, Any], customer: str, expected: bool) -> None:
    assert may_see(User(id="alice", password_hash="", created_ms=0, **user), customer) is expected


def test_the_first_user_is_an_admin_with_a_made_password(accounts: Accounts, state: State) -> None:
    made = accounts.ensure_first(None)
    assert made is not None
    assert len(made) == 24
    (user,) = accounts.list()
    assert (user.id, user.admin) == ("admin", True)
    assert accounts._hashing.verify(user.password_hash, made)
    assert accounts.ensure_first(None) is None
    assert state.users.all() == [user]


def test_the_first_user_may_have_a_given_password(accounts: Accounts) -> None:
    with pytest.raises(BadUser, match="at least 10"):
        accounts.ensure_first("short")
    assert accounts.ensure_first(PASSWORD) is None
    (user,) = accounts.list()
    assert accounts._hashing.verify(user.password_hash, PASSWORD)


def test_where_there_is_a_user_no_first_one_is_made(accounts: Accounts) -> None:
    accounts.add("alice", PASSWORD)
    assert accounts.ensure_first(PASSWORD) is None
    assert [user.id for user in accounts.list()] == ["alice"]


def test_of_many_that_start_at_once_one_makes_the_first_user(accounts: Accounts) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: accounts.ensure_first(None), range(8)))
    assert sum(password is not None for password in made) == 1


def test_a_start_says_when_the_given_password_is_not_that_of_admin(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=str(tmp_path / "data"))
    monkeypatch.setenv("FOOTFALL_ADMIN_PASSWORD", "correct horse battery")
    for _ in range(2):
        assert prepare(settings).password is None
    assert "FOOTFALL_ADMIN_PASSWORD" not in caplog.text
    monkeypatch.setenv("FOOTFALL_ADMIN_PASSWORD", "another password")
    assert prepare(settings).password is None
    assert "FOOTFALL_ADMIN_PASSWORD is not the password of admin" in caplog.text
    assert "another" not in caplog.text
