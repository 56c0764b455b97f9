"""What a row was before is in no file of a SQLite state, once nobody reads its log any more."""

from pathlib import Path

from footfall.state import State, User


def files_with(folder: Path, text: bytes) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if text in path.read_bytes())


def test_what_was_replaced_is_overwritten_when_nobody_reads_the_log(tmp_path: Path) -> None:
    state = State(f"sqlite:///{tmp_path / 'state.db'}")
    state.migrate()
    state.users.add(User(id="ann", password_hash="", context="zebra-4711", account="a", created_ms=1))
    assert state.forget_replaced()
    assert files_with(tmp_path, b"zebra-4711") == ["state.db"]
    with state.copy(10) as rows:
        next(rows)
        assert state.users.remove("ann")
        # Whoever reads sees the row still; writers need not wait.
        assert not state.forget_replaced()
        state.users.add(User(id="bob", password_hash="", account="b", created_ms=1))
    assert state.forget_replaced()
    assert files_with(tmp_path, b"zebra-4711") == []
    state.close()
