"""Files in an object store: seen when they are whole, whatever breaks off, and never held in memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import obstore
import pytest
from programs import program
from s3 import BUCKET, S3, SECRET

from footfall.files import Files, FilesFailed
from footfall.files.object_store import PART_BYTES, FilesAway
from footfall.settings import Settings

MIB = 1 << 20


# A process that delivers 300 MiB, and tells by how many bytes the most memory that it ever took has grown.
# A process that says when it has sent some parts of a file, and then sends no more.
class Broken(Exception):
    """What the source of the blocks raises."""


def store_of(s3: S3) -> Files:
    settings = Settings(files_url=f"s3://{BUCKET}/kept", files_options=s3.options(), files_timeout_s=1)
    return Files(settings)


def blocks(count: int, error: Exception | None = None) -> Iterator[bytes]:
    yield from (b"x" * MIB for _ in range(count))
    if error is not None:
        raise error


def test_a_file_goes_up_in_parts_and_is_seen_when_it_is_whole(s3: S3) -> None:
    files = store_of(s3)
    parts = 4

    def watched() -> Iterator[bytes]:
        for block in blocks(parts * PART_BYTES // MIB):
            assert s3.keys() == []
            yield block
        assert s3.uploads() == ["kept/a.csv"]

    assert files.put("a.csv", watched()) == parts * PART_BYTES
    assert s3.keys() == ["kept/a.csv"]
    assert s3.head("kept/a.csv")["ETag"].endswith(f'-{parts}"')
    assert s3.uploads() == []


def test_a_process_that_is_killed_leaves_nothing_to_see(s3: S3) -> None:
    settings = {"files_url": f"s3://{BUCKET}/kept", "files_options": s3.options()}
    command = [sys.executable, program("stop_while_writing"), json.dumps(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"sent\n"
        process.kill()
    assert (s3.keys(), s3.uploads()) == ([], ["kept/a.csv"])
    assert store_of(s3).put("a.csv", blocks(1)) == MIB
    assert s3.read("kept/a.csv") == b"x" * MIB


def test_memory_does_not_grow_with_the_file(s3: S3) -> None:
    settings = {"files_url": f"s3://{BUCKET}/kept", "files_options": s3.options()}
    command = [sys.executable, program("peak_of_writing"), json.dumps(settings)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert s3.head("kept/a.csv")["ContentLength"] == 300 * MIB
    assert grown < 100 * MIB, f"{grown / MIB:.0f} MiB"


@pytest.mark.parametrize("good", [0, 1, 40])
def test_blocks_that_break_off_leave_neither_a_file_nor_an_upload(s3: S3, good: int) -> None:
    with pytest.raises(Broken):
        store_of(s3).put("a.csv", blocks(good, Broken()))
    assert (s3.keys(), s3.uploads()) == ([], [])


def test_a_source_that_fails_like_a_store_is_not_taken_for_one(s3: S3) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        store_of(s3).put("a.csv", blocks(1, FileNotFoundError("the source")))
    assert not isinstance(caught.value, FilesFailed)


def test_an_outage_in_the_middle_of_a_file_leaves_nothing_to_see(s3: S3) -> None:
    files = store_of(s3)

    def broken() -> Iterator[bytes]:
        yield from blocks(20)
        s3.stop()
        yield from blocks(20)

    with pytest.raises(FilesAway) as caught:
        files.put("a.csv", broken())
    s3.start()
    assert s3.keys() == []
    assert caught.value.reason == "the object store of report files could not be reached"
    assert SECRET not in repr(caught.value)
    assert files.put("a.csv", blocks(20)) == 20 * MIB
    assert s3.keys() == ["kept/a.csv"]


def test_an_answer_that_was_lost_does_not_make_a_file_fail(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 says that there is no such upload when a request to complete it is sent again."""
    files = store_of(s3)

    put = obstore.put

    def put_twice(*args: Any, **options: Any) -> Any:
        put(*args, **options)
        raise FileNotFoundError("NoSuchUpload")

    monkeypatch.setattr(obstore, "put", put_twice)
    assert files.put("a.csv", blocks(1), {"footfall": "me"}) == MIB
    with pytest.raises(FilesFailed):
        files.put("a.csv", blocks(1))
