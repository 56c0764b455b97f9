"""A backup lies in a folder or in an object store, and is the same in both."""

import os
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from backed_up import read_manifest

from footfall.backup import BackupDamaged, BackupLocation, BackupRefused, LocationFailed, SilentProgress, check_backup


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a prefix in an empty bucket of a real S3 server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/backups", method="PUT")).close()
    # The server forgets nothing until its process ends.
    yield f"s3://backups/footfall/{uuid.uuid4()}"
    server.stop()


def test_an_object_store_takes_a_backup_and_gives_it_back(full, nodes, bucket):
    first = full.back_up(bucket)
    again = full.back_up(bucket)
    assert first.written_bytes > again.written_bytes == 0
    other = nodes()
    other.restore(bucket)
    assert other.rows() == full.rows()
    assert other.names("files") == full.names("files")
    assert other.state.users.all() == full.state.users.all()


def test_what_is_missing_in_an_object_store_is_found(full, bucket):
    manifest = full.back_up(bucket).manifest
    place = BackupLocation(bucket)
    place.delete([f"parts/{manifest.parts[0].sha256}"])
    with pytest.raises(BackupDamaged, match="is missing"):
        check_backup(place, SilentProgress())


def test_a_bucket_that_is_not_there_is_told(bucket):
    with pytest.raises(BackupRefused, match="there is no backup in s3://nowhere/x"):
        check_backup(BackupLocation("s3://nowhere/x"), SilentProgress())
    with pytest.raises(LocationFailed, match="s3://nowhere/x: "):
        BackupLocation("s3://nowhere/x").put("a", b"")


def test_a_place_without_a_bucket_is_refused():
    with pytest.raises(BackupRefused, match="s3://: name a bucket too, as in s3://bucket/prefix"):
        BackupLocation("s3://")


@pytest.mark.parametrize("where", ["ftp://host/x", "http://host/x", "memory:///"])
def test_places_of_other_kinds_are_refused(where):
    with pytest.raises(BackupRefused, match="name a folder, or a URL"):
        BackupLocation(where, make=True)


def test_a_folder_may_be_named_as_a_url(full, tmp_path):
    full.back_up(f"file://{tmp_path}/one%20two")
    assert check_backup(BackupLocation(str(tmp_path / "one two")), SilentProgress()).days


def test_a_folder_that_is_not_there_is_made_only_for_a_backup(tmp_path):
    with pytest.raises(BackupRefused, match="there is no folder "):
        BackupLocation(str(tmp_path / "nowhere"))
    BackupLocation(str(tmp_path / "a" / "b"), make=True)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_file_is_no_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackupRefused, match="is no folder"):
        BackupLocation(str(tmp_path / "file"), make=True)


def test_two_backups_into_one_place_do_not_make_a_broken_one(full, tmp_path):
    """The other one removes what it does not know while this one is at work."""
    full.back_up(tmp_path)
    before = read_manifest(tmp_path)
    removed = threading.Event()
    put = BackupLocation.put

    def thieving(place: BackupLocation, name: str, data: bytes) -> None:
        put(place, name, data)
        if not removed.is_set():
            removed.set()
            os.unlink(Path(tmp_path) / name)  # noqa: PTH108 - as another process would

    full.state.secrets.get("something new")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BackupLocation, "put", thieving)
        with pytest.raises(BackupRefused, match="does another backup write to the same place"):
            full.back_up(tmp_path)
    assert read_manifest(tmp_path) == before
