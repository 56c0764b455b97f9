"""Sessions: found by their hash while their user has the same password, and gone when they are old or too many."""

from footfall.state import Session, State, User

NONE = {"seen_before_ms": 0, "created_before_ms": 0}


def session(name: str, created_ms: int = 1, stamp: str = "s", **changes: int) -> Session:
    times = {"created_ms": created_ms, "seen_ms": created_ms, **changes}
    return Session(token_hash=name, account="a", security_stamp=stamp, agent="Firefox", timezone="UTC", **times)


def add_user(state: State) -> None:
    state.users.add(User(id="ann", password_hash="x", created_ms=0, account="a", security_stamp="s"))


def test_a_session_is_of_its_user_until_the_password_changes(state: State) -> None:
    add_user(state)
    state.sessions.add(session("h"), each_max=9, **NONE)
    assert state.sessions.get("h") == (session("h"), "ann")
    assert state.sessions.get("other") is None
    state.users.set_password("ann", "y", replacing="x")  # The same password, hashed anew.
    assert state.sessions.get("h") is not None
    state.users.set_password("ann", "z")
    assert state.sessions.get("h") is None
    assert state.sessions.of("a") == []


def test_with_one_too_many_the_oldest_ends(state: State) -> None:
    add_user(state)
    for number in range(4):
        state.sessions.add(session(f"h{number}", number + 1), each_max=2, **NONE)
    state.sessions.see("h2", 9)
    assert [each.token_hash for each in state.sessions.of("a")] == ["h2", "h3"]
    state.sessions.remove("h2")
    assert [each.token_hash for each in state.sessions.of("a")] == ["h3"]
    assert state.sessions.remove_of("a") == 1


def test_what_is_old_is_removed_with_the_next_sign_in(state: State) -> None:
    add_user(state)
    state.sessions.add(session("unused", 50), each_max=9, **NONE)
    state.sessions.add(session("old", 10, seen_ms=99), each_max=9, **NONE)
    state.sessions.add(session("new", 100), each_max=9, seen_before_ms=60, created_before_ms=20)
    assert [each.token_hash for each in state.sessions.of("a")] == ["new"]


def test_a_copy_of_the_state_signs_nobody_in(state: State) -> None:
    add_user(state)
    state.sessions.add(session("h"), each_max=9, **NONE)
    with state.copy(2**40) as rows:
        assert "sessions" not in {table for table, _ in rows}
