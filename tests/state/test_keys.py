"""Keys in the state, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from footfall.state import ApiKey, State, TooManyKeys, User


def make_key(user: User, name: str, **fields: object) -> ApiKey:
    details = {"scopes": ("read",), "created_ms": 1, **fields}
    return ApiKey(id=name, account=user.account, name=name, digest=f"digest of {name}", **details)  # type: ignore[arg-type]


@pytest.fixture
def anna(state: State) -> User:
    user = User(id="anna", password_hash="x", customers=("A", "B"), created_ms=1)
    state.users.add(user)
    return user


def test_a_key_is_found_by_its_digest_with_its_user(state: State, anna: User) -> None:
    key = make_key(anna, "k1", customers=("A",), products=("P",), scopes=("send", "read"), expires_ms=9)
    state.keys.add(key, 10, 0)
    assert state.keys.find("digest of k1") == (anna, key)
    assert state.keys.get("k1") == (anna, key)
    assert state.keys.find("digest of k2") is None
    assert state.keys.get("k\x00") is None
    assert "digest" not in repr(key)


def test_there_are_no_more_keys_of_a_user_than_may_be(state: State, anna: User) -> None:
    def add(number: int) -> bool:
        try:
            state.keys.add(make_key(anna, f"k{number}"), 3, 0)
        except TooManyKeys:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 3
    assert len(state.keys.page(anna.account, "", 10)) == 3


def test_keys_that_expired_long_ago_make_room(state: State, anna: User) -> None:
    state.keys.add(make_key(anna, "old", expires_ms=50), 1, 0)
    with pytest.raises(TooManyKeys):
        state.keys.add(make_key(anna, "new"), 1, 50)
    state.keys.add(make_key(anna, "new"), 1, 51)
    assert [key.id for _, key in state.keys.page(None, "", 10)] == ["new"]


def test_a_rotated_key_ends_with_the_overlap_or_earlier(state: State, anna: User) -> None:
    state.keys.add(make_key(anna, "k1"), 10, 0)
    assert state.keys.rotate(make_key(anna, "k2", replaces="k1"), 500, 10)
    assert state.keys.rotate(make_key(anna, "k3", replaces="k1"), 900, 10)
    found = {key.id: key.expires_ms for _, key in state.keys.page(None, "", 10)}
    assert found == {"k1": 500, "k2": None, "k3": None}
    assert not state.keys.rotate(make_key(anna, "k4", replaces="gone"), 500, 10)
    with pytest.raises(TooManyKeys):
        state.keys.rotate(make_key(anna, "k5", replaces="k2"), 500, 3)
    assert state.keys.get("k2") == (anna, make_key(anna, "k2", replaces="k1"))


def test_a_use_is_noted_once_in_a_period(state: State, anna: User) -> None:
    state.keys.add(make_key(anna, "k1"), 10, 0)
    noted = []
    for now_ms in (1_000, 1_059, 1_060, 1_100):
        state.keys.note_use("k1", now_ms, 60)
        found = state.keys.get("k1")
        assert found
        noted.append(found[1].used_ms)
    assert noted == [1_000, 1_000, 1_060, 1_060]


def test_pages_are_in_the_order_of_ids_and_of_one_account_or_all(state: State, anna: User) -> None:
    zoe = User(id="zoe", password_hash="x", created_ms=1)
    state.users.add(zoe)
    for user, name in ((anna, "b"), (zoe, "c"), (anna, "a")):
        state.keys.add(make_key(user, name), 10, 0)
    assert [(user.id, key.id) for user, key in state.keys.page(None, "", 2)] == [("anna", "a"), ("anna", "b")]
    assert [(user.id, key.id) for user, key in state.keys.page(None, "b", 2)] == [("zoe", "c")]
    assert [key.id for _, key in state.keys.page(anna.account, "", 10)] == ["a", "b"]


def test_keys_that_send_are_those_with_the_scope_that_are_not_over(state: State, anna: User) -> None:
    for name, fields in (
        ("k1", {"scopes": ("send",)}),
        ("k2", {"scopes": ("read",)}),
        ("k3", {"scopes": ("send", "read"), "expires_ms": 100}),
        ("k4", {"scopes": ("send",), "expires_ms": 101}),
    ):
        state.keys.add(make_key(anna, name, **fields), 10, 0)
    assert sorted(key.id for _, key in state.keys.sending(100)) == ["k1", "k4"]


def test_a_removed_user_leaves_no_keys(state: State, anna: User) -> None:
    state.users.add(User(id="root", password_hash="x", admin=True, created_ms=1))
    state.keys.add(make_key(anna, "k1"), 10, 0)
    assert state.users.remove("anna")
    assert state.keys.page(None, "", 10) == []
    assert not state.keys.remove("k1")
