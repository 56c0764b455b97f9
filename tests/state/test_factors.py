"""Second factors in the state, on both databases."""

from concurrent.futures import ThreadPoolExecutor

from footfall.state import SecondFactor, State, User


def test_a_factor_from_its_beginning_to_its_end(state: State) -> None:
    user = User(id="anna", password_hash="x", created_ms=1)
    state.users.add(user)
    assert state.users.get("anna") == user
    first, second = (SecondFactor(account=user.account, secret=secret, created_ms=1) for secret in ("A", "B"))
    assert state.factors.begin(first)
    assert state.factors.begin(second)
    assert state.factors.get(user.account) == second
    assert not state.factors.confirm(user.account, "A", 5, ("r1", "r2"))
    found = state.users.get("anna")
    assert found
    assert found.second_factor is False
    assert state.factors.confirm(user.account, "B", 5, ("r1", "r2"))
    assert not state.factors.confirm(user.account, "B", 6, ("r3",))
    assert not state.factors.begin(first)
    found = state.users.get("anna")
    assert found
    assert found.second_factor is True
    assert state.factors.names() == ["anna"]
    assert [state.factors.use_step(user.account, step) for step in (5, 7, 6, 7, 8)] == [False, True, False, False, True]
    assert [state.factors.use_recovery(user.account, each) for each in ("r1", "r1", "r9")] == [True, False, False]
    assert not state.factors.use_recovery("nobody", "r2")
    assert state.factors.remove(user.account)
    assert state.factors.get(user.account) is None


def test_of_many_at_once_one_uses_a_code(state: State) -> None:
    user = User(id="anna", password_hash="x", created_ms=1)
    state.users.add(user)
    state.factors.begin(SecondFactor(account=user.account, secret="A", created_ms=1))
    state.factors.confirm(user.account, "A", 5, ("r1",))
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: state.factors.use_step(user.account, 6), range(8))) == 1
        assert sum(pool.map(lambda _: state.factors.use_recovery(user.account, "r1"), range(8))) == 1
