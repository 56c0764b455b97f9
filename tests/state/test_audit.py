"""The chain of the audit log, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import msgspec
from sqlalchemy import text

from footfall.state import PRUNED, AuditEntry, State, entry_hash


def made(action: str, at_ms: int = 1, **fields: str) -> AuditEntry:
    return AuditEntry(at_ms=at_ms, action=action, **fields)


def test_entries_are_numbered_and_chained(state: State) -> None:
    first = state.audit.append([made("a"), made("b", who="anna")])
    second = state.audit.append([made("c")])
    assert state.audit.append([]) == []
    found = state.audit.following(0, 10)
    assert found == [*first, *second]
    assert [entry.number for entry in found] == [1, 2, 3]
    assert [entry.previous for entry in found] == ["", found[0].hash, found[1].hash]
    assert all(entry_hash(entry) == entry.hash for entry in found)


def test_the_newest_come_first_and_by_what_they_have(state: State) -> None:
    state.audit.append([made("a", 1), made("b", 2, who="anna"), made("a", 3, who="anna", outcome="denied")])

    def numbers(*given: int | None, **fields: str) -> list[int]:
        return [entry.number for entry in state.audit.newest(*given, **fields)]  # type: ignore[arg-type]

    assert numbers(None, 2) == [3, 2]
    assert numbers(2, 10) == [1]
    assert numbers(None, 10, 2) == [3, 2]
    assert numbers(None, 10, who="anna", action="a") == [3]
    assert numbers(None, 10, outcome="failed") == []


def test_nodes_write_one_chain_at_the_same_time(state: State, url: str) -> None:
    def write(node: int) -> None:
        with closing(State(url)) as own:
            for number in range(5):
                own.audit.append([made(f"{node}-{number}-{each}") for each in range(3)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = state.audit.following(0, 100)
    assert [entry.number for entry in found] == list(range(1, 61))
    assert [entry.previous for entry in found] == ["", *(entry.hash for entry in found[:-1])]
    assert len({entry.action for entry in found}) == 60


def test_old_entries_go_after_one_has_told_it(state: State) -> None:
    state.audit.append([made(f"n{number}", number * 10) for number in range(1, 6)])
    third = state.audit.following(2, 1)[0]
    assert state.audit.prune(10, made("x", 99)) == 0
    assert state.audit.prune(40, made("x", 99, node="n")) == 3
    found = state.audit.following(0, 10)
    assert [entry.action for entry in found] == ["n4", "n5", PRUNED]
    assert found[0].previous == third.hash
    assert msgspec.json.decode(found[-1].details) == {"through": 3, "hash": third.hash}
    assert state.audit.append([made("later", 100)])[0].number == 7


def test_an_old_entry_behind_a_younger_one_stays(state: State) -> None:
    state.audit.append([made("young", 50), made("old", 10)])
    assert state.audit.prune(40, made("x", 99)) == 0


def test_a_log_of_nothing_but_old_entries_keeps_its_end(state: State) -> None:
    state.audit.append([made("old", 10)])
    assert state.audit.prune(40, made("x", 99)) == 1
    assert [(entry.number, entry.action) for entry in state.audit.following(0, 10)] == [(2, PRUNED)]


def test_every_text_that_an_entry_may_have_survives(state: State) -> None:
    odd = made("a", who="Zoë 日本", target="x'; DROP TABLE audit --", details='{"a":"\\"\\u0001"}')
    state.audit.append([odd])
    with state.database.read() as connection:
        assert connection.scalar(text("SELECT target FROM audit")) == odd.target
    (found,) = state.audit.following(0, 1)
    assert (found.who, found.details, entry_hash(found)) == (odd.who, odd.details, found.hash)
