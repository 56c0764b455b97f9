from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from msgspec import structs

from footfall.state import LastAdmin, State, User, UserExists


def user(user_id: str = "alice", *, admin: bool = False) -> User:
    fixed = {"account": f"account of {user_id}", "security_stamp": "first"}
    return User(id=user_id, password_hash=f"hash of {user_id}", admin=admin, created_ms=1_700_000_000_000, **fixed)


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
    state.users.add(added)
    assert state.users.get(added.id) == added
    assert state.users.all() == [added]


def test_an_unknown_user_is_none(state: State) -> None:
    assert state.users.get("alice") is None
    assert state.users.set_password("alice", "new") is False
    assert state.users.remove("alice") is False


def test_the_same_id_is_added_once(state: State) -> None:
    state.users.add(user())
    with pytest.raises(UserExists, match="user 'alice' exists already"):
        state.users.add(User(id="alice", password_hash="other", created_ms=0))
    assert state.users.all() == [user()]
    state.users.add(user("Alice"))


def test_users_are_listed_by_id(state: State) -> None:
    for user_id in ("b", "B", "ä", "a"):
        state.users.add(user(user_id))
    assert [found.id for found in state.users.all()] == ["B", "a", "b", "ä"]


def test_a_hash_is_replaced_and_only_a_new_password_changes_the_stamp(state: State) -> None:
    state.users.add(user())
    assert state.users.set_password("alice", "second")
    assert not state.users.set_password("alice", "third", replacing="first")
    assert state.users.set_password("alice", "fourth", replacing="second")
    changed = state.users.get("alice")
    assert changed is not None
    assert changed == structs.replace(user(), password_hash="fourth", security_stamp=changed.security_stamp)
    assert changed.security_stamp != "first"
    assert state.users.set_password("alice", "fifth", replacing="fourth")
    assert state.users.get("alice") == structs.replace(changed, password_hash="fifth")


def test_an_account_is_never_used_again(state: State) -> None:
    accounts = set()
    for _ in range(3):
        added = User(id="alice", password_hash="", created_ms=0)
        state.users.add(added)
        assert state.users.with_account(added.account) == added
        accounts.add(added.account)
        assert state.users.remove("alice")
        assert state.users.with_account(added.account) is None
    assert len(accounts) == 3


def test_customers_are_granted_and_revoked(state: State) -> None:
    state.users.add(structs.replace(user(), customers=("A", "B")))
    assert state.users.change_customers("alice", granted=("C", "B"))
    assert state.users.change_customers("alice", revoked=("A", "D"))
    assert state.users.get("alice") == structs.replace(user(), customers=("B", "C"))
    assert not state.users.change_customers("nobody", granted=("C",))


def test_grants_at_once_are_all_kept(state: State) -> None:
    state.users.add(user())
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda number: state.users.change_customers("alice", granted=(str(number),)), range(20)))
    found = state.users.get("alice")
    assert found is not None
    assert sorted(found.customers) == sorted(map(str, range(20)))


def test_the_last_admin_stays(state: State) -> None:
    state.users.add(user("root", admin=True))
    state.users.add(user())
    with pytest.raises(LastAdmin, match="'root' is the last admin"):
        state.users.remove("root")
    state.users.add(user("second", admin=True))
    assert state.users.remove("root")
    assert state.users.remove("alice")
    assert [found.id for found in state.users.all()] == ["second"]


def test_admins_who_remove_each_other_at_once_leave_one(state: State) -> None:
    admins = [f"admin{number}" for number in range(8)]
    for admin in admins:
        state.users.add(user(admin, admin=True))

    def remove(admin: str) -> None:
        with suppress(LastAdmin):
            state.users.remove(admin)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remove, admins))
    assert len(state.users.all()) == 1
