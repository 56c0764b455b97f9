"""What is backed up comes back: all of it, once, as it was."""

import json
from pathlib import Path

import pytest
from backed_up import event, read_manifest

from footfall.backup import BackupRefused
from footfall.system.clock import NodeClock, SystemClock

DAY_MS = 86_400_000


def parts(where: Path) -> set[str]:
    return {path.name for path in (where / "parts").iterdir()}


def test_everything_comes_back(full, nodes, tmp_path):
    full.back_up(tmp_path / "backup")
    other = nodes()
    other.restore(tmp_path / "backup")
    assert other.rows() == full.rows()
    assert len(other.rows()) == 2000
    assert other.rows("quarantine") == full.rows("quarantine")
    assert other.state.users.all() == full.state.users.all()
    assert other.state.secrets.get("links") == full.state.secrets.get("links")
    assert other.state.jobs.get("done") == full.state.jobs.get("done")
    for folder in ("journal", "aside", "files"):
        assert other.names(folder) == full.names(folder)
    assert not (other.data / "restoring").exists()


def test_a_report_that_was_delivered_elsewhere_comes_back_without_its_file(full, nodes, tmp_path):
    delivered = full.add_report("delivered", destination="lake")
    manifest = full.back_up(tmp_path / "backup").manifest
    assert manifest.left_out == ()
    assert [part["name"] for part in read_manifest(tmp_path / "backup")["parts"] if part["kind"] == "file"] == [
        "done/1/report.csv"
    ]
    other = nodes()
    other.restore(tmp_path / "backup")
    assert other.state.jobs.get("delivered") == delivered


@pytest.mark.parametrize("table", ["events", "quarantine"])
def test_the_lines_have_every_column_that_is_not_made(full, table):
    from footfall.store import query

    # When a row was loaded is made by its load, also by a restore.
    made = {row[0] for row in full.store.rows(f"DESCRIBE TABLE {table}", {}) if row[2] == "MATERIALIZED"} | {"loaded"}
    columns = {row[0] for row in full.store.rows(f"DESCRIBE TABLE {table}", {})} - made
    everything = {"start": 0, "end": 2**53} if table == "events" else {}
    with full.store.stream(query(f"backup_{table}"), everything) as blocks:
        lines = b"".join(blocks).splitlines()
    assert set(json.loads(lines[0])) == columns


def test_the_manifest_counts_the_events_of_each_day(full, tmp_path):
    full.back_up(tmp_path)
    told = read_manifest(tmp_path)
    counted = full.store.rows(
        "SELECT toString(toDate(fromUnixTimestamp64Milli(timestamp, 'UTC'))) AS day, count() FROM events FINAL "
        "GROUP BY day",
        {},
    )
    assert told["days"] == dict(counted)
    assert list(told["days"]) == sorted(told["days"])
    assert told["quarantined"] == 2
    assert len(told["journal"]) == 2


def test_a_second_backup_writes_only_what_is_new(full, tmp_path):
    first = full.back_up(tmp_path)
    before = parts(tmp_path)
    full.load([event(9000)])
    (full.data / "journal" / "1568381886060-aaaaaaaa-000001.jsonl.zst").unlink()
    second = full.back_up(tmp_path)
    fresh = parts(tmp_path) - before
    assert 0 < second.written_bytes < first.written_bytes / 10
    # The day of the new event is fresh; the part of the segment that is loaded by now is gone.
    assert len(fresh) == 1
    assert len(before - parts(tmp_path)) == 1
    assert sum(second.manifest.days.values()) == sum(first.manifest.days.values()) + 1


def test_an_event_counts_once_though_it_is_in_the_store_and_in_the_journal(full, nodes, tmp_path):
    full.segment("journal/1568381886060-aaaaaaaa-000003.jsonl.zst", [event(9000)])
    full.load([event(9000)])
    full.back_up(tmp_path)
    other = nodes()
    other.restore(tmp_path)
    for segment in sorted((other.data / "journal").iterdir()):
        other.store.load(segment, "quarantine" if "quarantine" in segment.name else "events")
    assert len(other.rows()) == 2003
    assert len(other.rows("quarantine")) == 3


def test_the_restored_clock_is_past_everything_in_the_backup(full, nodes, tmp_path):
    saved = full.back_up(tmp_path)
    other = nodes()
    other.restore(tmp_path)

    class Earlier:
        def now_ms(self) -> int:
            return 1

    assert NodeClock(other.data / "clock", Earlier()).now_ms() >= saved.manifest.ended_ms
    assert saved.manifest.watermark_ms <= saved.manifest.ended_ms <= SystemClock().now_ms()


def test_a_job_that_was_started_after_the_watermark_stays_behind(full, nodes, tmp_path):
    full.add_report("later", started_ms=SystemClock().now_ms() + DAY_MS)
    full.back_up(tmp_path)
    other = nodes()
    other.restore(tmp_path)
    assert other.state.jobs.get("later") is None
    assert other.state.jobs.get("done") is not None


def test_a_report_whose_file_is_gone_or_damaged_keeps_no_backup_from_being_made(full, nodes, tmp_path):
    full.add_report("gone")
    full.add_report("broken")
    (full.data / "files/gone/1/report.csv").unlink()
    file = full.data / "files/broken/1/report.csv"
    file.write_bytes(file.read_bytes()[::-1])
    saved = full.back_up(tmp_path)
    assert set(saved.manifest.left_out) == {"gone/1/report.csv", "broken/1/report.csv"}
    other = nodes()
    other.restore(tmp_path)
    assert set(other.names("files")) == {"done/1/report.csv"}


def test_equal_files_are_kept_once(full, nodes, tmp_path):
    full.add_report("twin")
    saved = full.back_up(tmp_path)
    assert len(saved.manifest.sizes) < len(saved.manifest.parts)
    other = nodes()
    other.restore(tmp_path)
    assert set(other.names("files")) == {"done/1/report.csv", "twin/1/report.csv"}


def test_a_node_that_has_not_loaded_its_journal_is_waited_for_and_named(full, tmp_path):
    full.state.nodes.put("far-away", 1, 1)
    with pytest.raises(BackupRefused, match="node far-away has not loaded"):
        full.back_up(tmp_path)
    assert not (tmp_path / "manifest.json").exists()
    full.state.nodes.put("far-away", 2**50, 1)
    full.back_up(tmp_path)


def test_the_nodes_stay_behind(full, nodes, tmp_path):
    full.state.nodes.put("far-away", 2**50, 1)
    full.back_up(tmp_path)
    other = nodes()
    other.restore(tmp_path)
    assert other.state.nodes.all() == []


def test_the_backup_of_another_installation_is_not_written_over(full, nodes, tmp_path):
    full.back_up(tmp_path)
    told = read_manifest(tmp_path)
    other = nodes().open()
    other.state.migrate()
    with pytest.raises(BackupRefused, match="another installation"):
        other.back_up(tmp_path)
    assert read_manifest(tmp_path) == told


def test_a_restored_installation_goes_on_with_the_same_backup(full, nodes, tmp_path):
    full.back_up(tmp_path)
    other = nodes()
    other.restore(tmp_path)
    again = other.back_up(tmp_path)
    assert sum(again.manifest.days.values()) == 2000
    # The events are the same, byte for byte.
    assert again.written_bytes < 10_000


def test_a_part_of_an_interrupted_backup_is_not_trusted(full, tmp_path):
    full.back_up(tmp_path)
    (tmp_path / "manifest.json").unlink()
    for path in (tmp_path / "parts").iterdir():
        path.write_bytes(b"\0" * path.stat().st_size)
    full.back_up(tmp_path)
    assert all(path.read_bytes()[:8] != b"\0" * 8 for path in (tmp_path / "parts").iterdir())


def test_what_else_lies_at_the_place_stays(full, tmp_path):
    full.back_up(tmp_path)
    (tmp_path / "parts" / "notes.txt").write_text("mine")
    (tmp_path / "README").write_text("mine")
    full.back_up(tmp_path)
    assert (tmp_path / "parts" / "notes.txt").read_text() == (tmp_path / "README").read_text() == "mine"
