from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from footfall.state import LastAdmin, State, User, UserExists


def user(user_id: str = "alice", *, admin: bool = False) -> User:
    return User(id=user_id, password_hash=f"hash of {user_id}", admin=admin, created_ms=1_700_000_000_000)


@pytest.mark.parametrize(
    "added",
    [
        user(),
        User(
            id="Zoë 日本 'quoted\"",
            password_hash="hash",
            context="barchart.com",
            permissions="",
            admin=True,
            customers=("TGAM", 'B"AR\\CHART', ""),
            created_ms=2**53,
        ),
    ],
)
def test_a_user_comes_back_as_added(state: State, added: User) -> None:
    state.user_add(added)
    assert state.user_get(added.id) == added
    assert state.user_list() == [added]


def test_an_unknown_user_is_none(state: State) -> None:
    assert state.user_get("alice") is None
    assert state.user_password("alice", "new") is False
    assert state.user_remove("alice") is False


def test_the_same_id_is_added_once(state: State) -> None:
    state.user_add(user())
    with pytest.raises(UserExists, match="user 'alice' exists already"):
        state.user_add(User(id="alice", password_hash="other", created_ms=0))
    assert state.user_list() == [user()]
    state.user_add(user("Alice"))


def test_users_are_listed_by_id(state: State) -> None:
    for user_id in ("b", "B", "ä", "a"):
        state.user_add(user(user_id))
    assert [found.id for found in state.user_list()] == ["B", "a", "b", "ä"]


def test_a_hash_is_replaced(state: State) -> None:
    state.user_add(user())
    assert state.user_password("alice", "second")
    assert not state.user_password("alice", "third", replacing="first")
    assert state.user_password("alice", "fourth", replacing="second")
    assert state.user_get("alice") == User(id="alice", password_hash="fourth", created_ms=1_700_000_000_000)


def test_the_last_admin_stays(state: State) -> None:
    state.user_add(user("root", admin=True))
    state.user_add(user())
    with pytest.raises(LastAdmin, match="'root' is the last admin"):
        state.user_remove("root")
    state.user_add(user("second", admin=True))
    assert state.user_remove("root")
    assert state.user_remove("alice")
    assert [found.id for found in state.user_list()] == ["second"]


def test_admins_who_remove_each_other_at_once_leave_one(state: State) -> None:
    admins = [f"admin{number}" for number in range(8)]
    for admin in admins:
        state.user_add(user(admin, admin=True))

    def remove(admin: str) -> None:
        with suppress(LastAdmin):
            state.user_remove(admin)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remove, admins))
    assert len(state.user_list()) == 1
