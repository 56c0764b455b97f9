"""The schema: applied once, by whoever comes first, and the same on one server and on a cluster."""

import contextlib
import threading

import pytest

from footfall.store import Store, StoreFailed, StoreTooNew, query
from footfall.store.migrations import Migration, read_migrations
from footfall.store.statements import render_statements

APPLIED = "SELECT number, name FROM schema_migrations ORDER BY number"


def test_applied_files_are_recorded_once(engine) -> None:
    with contextlib.closing(Store(engine.settings(is_empty=True))) as store:
        for _ in range(2):
            store.migrate()
        assert store.rows(APPLIED, {}) == [(file.number, file.name) for file in read_migrations()[1:]]


def test_several_may_do_it_at_once(engine) -> None:
    settings = engine.settings(is_empty=True)
    stores = [Store(settings) for _ in range(4)]
    failures: list[Exception] = []

    def migrate(store: Store) -> None:
        try:
            store.migrate()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)

    threads = [threading.Thread(target=migrate, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stores[0].rows("SELECT uniqExact(number), uniqExact(sha256) FROM schema_migrations", {}) == [
        (len(read_migrations()) - 1,) * 2
    ]
    for store in stores:
        store.close()


def test_a_file_that_has_changed_is_not_passed_over(store, monkeypatch) -> None:
    def changed() -> list[Migration]:
        first, *rest = read_migrations()
        return [first, *(Migration(file.number, file.name, "other", file.text) for file in rest)]

    monkeypatch.setattr("footfall.store.migrations.read_migrations", changed)
    with pytest.raises(StoreFailed, match="has changed"):
        store.migrate()


def test_a_schema_of_a_later_version_is_left_alone(store) -> None:
    added = {"number": 99, "name": "later", "sha256": "other", "applied": 1}
    store.write(query("migration_add"), added)
    with pytest.raises(StoreTooNew, match=r"later version of footfall, with schema 99, where this one knows"):
        store.migrate()


def test_files_are_numbered_without_gaps() -> None:
    assert [file.number for file in read_migrations()] == list(range(len(read_migrations())))


def test_one_server_gets_plain_tables() -> None:
    text = "\n".join(statement for file in read_migrations() for statement in render_statements(file.text, "", "d"))
    assert "{{" not in text
    for word in ("ON CLUSTER", "Replicated", "Distributed", "_shard"):
        assert word not in text


def test_a_cluster_gets_replicated_shards_below_a_distributed_table() -> None:
    statements = [statement for file in read_migrations() for statement in render_statements(file.text, "c'1`", "d")]
    assert all("ON CLUSTER" in statement for statement in statements)
    text = "\n".join(statements)
    assert "{{" not in text
    assert "CREATE TABLE IF NOT EXISTS events_shard ON CLUSTER `c'1\\``" in text
    assert "ENGINE = ReplicatedReplacingMergeTree(precedence)" in text
    assert "CREATE TABLE IF NOT EXISTS events ON CLUSTER `c'1\\`` AS events_shard" in text
    assert "ENGINE = Distributed(`c'1\\``, currentDatabase(), events_shard, cityHash64(batch))" in text


def test_every_statement_for_a_cluster_can_be_parsed(store) -> None:
    for file in read_migrations():
        for statement in render_statements(file.text, "main", "d"):
            assert store.rows("SELECT formatQuery({text:String}) != ''", {"text": statement}) == [(True,)]
