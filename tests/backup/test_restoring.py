"""A backup that is not whole is refused, and so is a machine that is not empty; what broke off goes on."""

import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest
from backed_up import Node, event, read_manifest

from footfall.backup import BackupDamaged, BackupLocation, BackupRefused, SilentProgress, check_backup, prepare_restore
from footfall.backup.data_folder import mark_restoring
from footfall.state import State, User
from footfall.system import files
from footfall.system.data_folder import SERVE_LOCK, is_half_restored


def a_part(where: Path, kind: str) -> Path:
    """The file of the first part of this kind."""
    found = next(part for part in read_manifest(where)["parts"] if part["kind"] == kind)
    return where / "parts" / found["sha256"]


def flip(where: Path) -> None:
    part = a_part(where, "events")
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)


def cut(where: Path) -> None:
    part = a_part(where, "file")
    part.write_bytes(part.read_bytes()[:-1])


def lose(where: Path) -> None:
    a_part(where, "state").unlink()


def alter(where: Path) -> None:
    manifest = where / "manifest.json"
    told = json.loads(manifest.read_bytes())
    told["watermark_ms"] += 1
    manifest.write_text(json.dumps(told))


def tear(where: Path) -> None:
    manifest = where / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip, "is not as it was written (events 2019-09-"),
        (cut, "bytes instead of"),
        (lose, "is missing (state "),
        (alter, "its checksum is wrong"),
        (tear, "cannot be read"),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_touched(full, nodes, tmp_path, damage, said):
    full.back_up(tmp_path)
    check_backup(BackupLocation(str(tmp_path)), SilentProgress())
    damage(tmp_path)
    other = nodes()
    with pytest.raises(BackupDamaged) as caught:
        other.restore(tmp_path)
    assert said in str(caught.value)
    assert list(other.data.iterdir()) == []


def test_everything_that_is_wrong_is_said_at_once(full, tmp_path):
    full.back_up(tmp_path)
    flip(tmp_path)
    lose(tmp_path)
    with pytest.raises(BackupDamaged) as caught:
        check_backup(BackupLocation(str(tmp_path)), SilentProgress())
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("left", ["", "parts"])
def test_parts_without_a_manifest_are_no_backup(full, nodes, tmp_path, left):
    full.back_up(tmp_path)
    (tmp_path / "manifest.json").unlink()
    if not left:
        shutil.rmtree(tmp_path / "parts")
    with pytest.raises(BackupRefused, match="there is no backup"):
        nodes().restore(tmp_path)


def test_a_backup_of_a_later_form_is_refused(full, nodes, tmp_path):
    full.back_up(tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(read_manifest(tmp_path) | {"format": 2, "footfall": "9.0"}))
    with pytest.raises(BackupRefused, match=r"made by footfall 9\.0"):
        nodes().restore(tmp_path)


@pytest.mark.parametrize("there", ["state.db", "journal", "engine", "clock"])
def test_a_data_folder_that_is_not_empty_is_refused(full, nodes, tmp_path, there):
    full.back_up(tmp_path)
    other = nodes()
    (other.data / there).mkdir()
    with pytest.raises(BackupRefused, match=f"is not empty \\({there}\\)"):
        other.restore(tmp_path)
    assert not is_half_restored(other.settings)


def test_a_new_file_system_counts_as_empty_and_so_does_what_a_refused_start_leaves(full, nodes, tmp_path):
    full.back_up(tmp_path)
    other = nodes()
    (other.data / "lost+found").mkdir()
    lock = files.open_file(other.data / SERVE_LOCK, os.O_RDWR)
    assert files.take_lock(lock)
    with pytest.raises(BackupRefused, match=r"footfall runs on .*: stop it, or name another folder"):
        other.restore(tmp_path)
    os.close(lock)
    other.restore(tmp_path)


def test_an_events_store_that_is_not_empty_is_refused(full, nodes, tmp_path):
    full.back_up(tmp_path)
    other = nodes(events_url=full.settings.events_url)
    with pytest.raises(BackupRefused, match="events store is in use"):
        other.restore(tmp_path)
    assert len(full.rows()) == 2000
    assert list(other.data.iterdir()) == []


def test_a_state_database_that_is_not_empty_is_refused(full, nodes, tmp_path):
    full.back_up(tmp_path / "backup")
    other = nodes(state_url=f"sqlite:///{tmp_path / 'other.db'}")
    with contextlib.closing(State(other.settings.state_url)) as state:
        state.migrate()
        state.users.add(User(id="here", password_hash="", created_ms=0))
    for _ in range(2):  # a second try must not take the first one's traces for its own
        with pytest.raises(BackupRefused, match="state database is in use"):
            other.restore(tmp_path / "backup")
        assert [user.id for user in other.state.users.all()] == ["here"]
        assert list(other.data.iterdir()) == []
        other.close()


def test_a_restore_that_broke_off_goes_on(full, nodes, tmp_path, monkeypatch):
    full.back_up(tmp_path)
    other = nodes()
    part = a_part(tmp_path, "events")
    kept = part.read_bytes()
    with monkeypatch.context() as patched:
        # The part is whole when it is checked, and gone when it is wanted.
        read = BackupLocation.read
        patched.setattr(BackupLocation, "read", lambda self, name: None if part.name in name else read(self, name))
        with pytest.raises(BackupDamaged, match="has changed since it was checked"):
            other.restore(tmp_path)
    assert part.read_bytes() == kept
    assert is_half_restored(other.settings)
    other.close()
    other.restore(tmp_path)
    assert not is_half_restored(other.settings)
    assert other.rows() == full.rows()
    assert other.state.users.all() == full.state.users.all()


def break_off(node: Node, where: Path) -> None:
    """A restore that ends after it has begun."""
    with contextlib.suppress(Interrupted), prepare_restore(BackupLocation(str(where)), node.settings, SilentProgress()):
        mark_restoring(node.settings)
        raise Interrupted


class Interrupted(Exception):
    """What ends a restore in a test."""


def test_a_restore_that_broke_off_goes_on_with_no_other_backup(full, nodes, tmp_path):
    full.back_up(tmp_path / "one")
    full.load([event(9000)])
    full.back_up(tmp_path / "two")
    other = nodes()
    break_off(other, tmp_path / "one")
    with pytest.raises(BackupRefused, match="another backup"):
        other.restore(tmp_path / "two")
    other.restore(tmp_path / "one")
    assert len(other.rows()) == 2000


def test_a_store_that_has_other_counts_at_the_end_is_told_and_not_used(full, nodes, tmp_path):
    full.back_up(tmp_path)
    other = nodes()
    break_off(other, tmp_path)
    other.open()
    other.store.migrate()
    other.load([event(1, batch="00000000-0000-0000-0000-0000000fffff")])
    other.close()
    with pytest.raises(BackupRefused, match=r"other events than the backup on 1 day \(2019-09-13: \d+ of \d+\)"):
        other.restore(tmp_path)
    assert is_half_restored(other.settings)


def test_a_restore_that_was_killed_before_it_began_starts_over_with_any_backup(full, nodes, tmp_path):
    full.back_up(tmp_path)
    other = nodes()
    (other.data / "restoring").mkdir()
    (other.data / "restoring" / "manifest.json").write_text("{}")
    other.restore(tmp_path)
    assert other.rows() == full.rows()
