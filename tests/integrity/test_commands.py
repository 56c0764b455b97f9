"""`footfall verify`, `rebuild` and `journal`, as they are called."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from checked import DAY_MS, MakeNode, Node, event, lines, spoil
from click.testing import CliRunner, Result

from footfall.cli.journal import journal
from footfall.cli.verify import rebuild, verify
from footfall.settings import Settings


def run(there: Node, command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), obj=there.settings, catch_exceptions=False)


def numbers(*span: int) -> list[dict[str, object]]:
    return [event(number) for number in range(*span)]


def full(node: MakeNode) -> Node:
    there = node()
    there.collect(numbers(3), numbers(3, 5), numbers(5, 9))
    return there


def test_verify_says_in_words_that_all_is_well(node: MakeNode) -> None:
    there = full(node)
    there.send(numbers(9, 11))
    result = run(there, verify)
    assert result.exit_code == 0
    told = result.stdout.splitlines()
    assert told[:3] == [
        "archive   1 segment, 3 frames, 9 events",
        "journal   1 segment, 1 frame, 2 events that wait to be loaded",
        "aside     nothing",
    ]
    assert "good  9  archived, and in the store as archived, once" in told[4]
    assert re.match(r"verdict   all is well, after \d", told[-1])


def test_verify_names_what_is_wrong(node: MakeNode) -> None:
    there = full(node)
    there.sql("DELETE FROM events WHERE sequence = 4")
    result = run(there, verify)
    assert result.exit_code == 1
    assert re.search(r"missing  1  archived, and not in the store", result.stdout)
    assert re.search(r"2026-11-20 +9 +8 +1 +0 +0 +0\n", result.stdout)
    assert re.search(rf"missing  C +P +2026-\S+ \S+Z  {event(3)['batch']}/4\n", result.stdout)
    assert "verdict   1 missing, after" in result.stdout


def test_verify_says_that_nothing_was_compared_where_the_archive_has_no_events(node: MakeNode) -> None:
    """As after a restore: that all is well would be no more than a guess."""
    there = node()
    empty = run(there, verify)
    assert (empty.exit_code, "all is well" in empty.stdout) == (0, True)
    there.collect(numbers(3))
    there.forget(there.archived()[0])
    result = run(there, verify)
    assert (result.exit_code, "all is well" in result.stdout) == (3, False)
    assert "verdict   not known: the store has events, and the archive has none" in result.stdout
    assert json.loads(run(there, verify, "--json").stdout)["well"] is False
    assert run(there, verify, "--frames-only").exit_code == 0


def test_verify_tells_scripts(node: MakeNode) -> None:
    there = full(node)
    told = json.loads(run(there, verify, "--json").stdout)
    assert (told["well"], told["problems"], told["archive"]["events"]) == (True, {}, 9)
    spoil(there.archived()[0])
    result = run(there, verify, "--json", "--days", "1")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["well"], told["problems"]) == (1, False, {"damaged": 1, "unarchived": 2})
    assert told["harms"][0]["file"] == f"archive/2026-11-20/{there.archived()[0].name}"
    assert told["compared"]["days"][0]["unarchived"] == 2


def test_verify_says_when_nothing_can_be_known(tmp_path: Path) -> None:
    nowhere = Settings(data_dir=str(tmp_path / "nowhere"))
    result = CliRunner().invoke(verify, [], obj=nowhere, catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "is no data folder" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_verify_shows_a_bar_on_a_terminal(node: MakeNode) -> None:
    there = full(node)
    command = [sys.executable, "-m", "footfall", "verify", "--data-dir", str(there.data)]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        while block := _read(ours):
            shown += block
        assert process.stdout is not None
        assert b"all is well" in process.stdout.read()
    os.close(ours)
    assert b"reading the archive" in shown
    assert b"comparing" in shown
    assert b"100%" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # its other end is closed
        return b""


def test_rebuild_says_what_it_did(node: MakeNode) -> None:
    there = full(node)
    there.sql("DELETE FROM events WHERE sequence = 4")
    result = run(there, rebuild)
    assert result.exit_code == 0
    told = result.stdout.splitlines()
    assert told[:3] == [
        "archive   1 segment, 3 frames, 9 events",
        "before    1 missing",
        "carried   0 older events, whose archive is gone",
    ]
    assert re.match(r"rebuilt   9 events in \d+\.\d s; the new table is in place", told[3])
    assert run(there, verify).exit_code == 0


def test_rebuild_asks_about_what_is_not_archived(node: MakeNode) -> None:
    there = full(node)
    spoil(there.archived()[0])
    result = run(there, rebuild)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--unarchived keep" in result.stderr
    result = run(there, rebuild, "--unarchived", "keep", "--keep-old")
    assert (result.exit_code, there.stored()) == (0, list(range(9)))
    assert "kept      2 events that no archived segment holds" in result.stdout
    assert "damaged   archive/" in result.stdout
    assert "old table kept as events_old" in result.stdout
    assert run(there, rebuild, "--drop-old").stdout == "removed events_old\n"
    assert run(there, rebuild, "--drop-old").stdout == "there is no events_old\n"
    assert run(there, rebuild, "--abandon").stdout == "nothing of an unfinished rebuild is left\n"


def every_state(node: MakeNode) -> Node:
    """A node with a segment in each of the four states, and a quarantined one."""
    there = node()
    there.collect(numbers(3), numbers(3, 5))
    there.clock.ms += DAY_MS
    there.send(numbers(5, 7), numbers(7, 8), numbers(8, 9))
    spoil(there.folder.sealed()[0])
    there.load()
    there.clock.ms += 1000
    there.send(numbers(9, 10), quarantined=lines(numbers(10, 12)))
    there.clock.ms += 1000
    there.send(numbers(12, 13))
    path = there.folder.sealed()[-1]
    path.rename(path.with_name(f"{path.name}.open"))
    return there


def test_ls_lists_every_segment_with_its_state(node: MakeNode) -> None:
    there = every_state(node)
    listed = [json.loads(line) for line in run(there, journal, "ls", "--json").stdout.splitlines()]
    rows = [(one["state"], one["kind"], one["frames"], one["events"], one["damaged_bytes"] > 0) for one in listed]
    assert rows == [
        ("sealed", "events", 1, 1, False),
        ("sealed", "quarantine", 1, 2, False),
        ("open", "events", 1, 1, False),
        ("aside", "events", 2, 3, True),
        ("archived", "events", 2, 5, False),
        ("archived", "events", 2, 3, False),
    ]
    archived = listed[-2]
    assert archived["bytes"] == there.archived()[0].stat().st_size
    assert archived["last_received"] == archived["first_received"] + 1
    assert all((there.data / one["file"]).exists() for one in listed)


def test_ls_can_be_narrowed(node: MakeNode) -> None:
    there = every_state(node)
    told = run(there, journal, "ls", "--state", "aside", "--state", "archived", "--days", "1").stdout.splitlines()
    assert re.fullmatch(r"STATE +HOLDS +FRAMES +EVENTS +BYTES +FIRST RECEIVED +LAST RECEIVED +FILE", told[0])
    assert re.fullmatch(r"aside +events +2 +3 .* aside/\S+\.jsonl\.zst  \d+ bytes damaged", told[1])
    assert re.fullmatch(r"archived +events +2 +3 .* 2026-11-21 12:00:0\dZ  archive/2026-11-21/\S+-salvaged.*", told[2])
    assert len(told) == 3


def test_ls_lists_what_the_store_cannot_read(node: MakeNode, make_segment: object) -> None:
    there = node()
    there.send(numbers(1))
    (path,) = there.folder.sealed()
    make_segment(path, [{"received": "yesterday"}, {}, [1]])
    (listed,) = run(there, journal, "ls", "--json").stdout.splitlines()
    assert (json.loads(listed)["events"], json.loads(listed)["first_received"]) == (3, None)


def test_cat_prints_whole_frames_and_tells_of_damage(node: MakeNode) -> None:
    there = every_state(node)
    (aside,) = (there.data / "aside").iterdir()
    archived = there.archived()[0]
    result = run(there, journal, "cat", str(archived))
    assert (result.exit_code, result.stderr) == (0, "")
    assert [json.loads(line)["sequence"] for line in result.stdout.splitlines()] == [1, 2, 3, 4, 5]
    result = run(there, journal, "cat", f"aside/{aside.name}", str(archived))
    assert result.exit_code == 1
    assert [json.loads(line)["sequence"] for line in result.stdout.splitlines()] == [6, 7, 9, 1, 2, 3, 4, 5]
    assert re.fullmatch(rf".*{aside.name}: \d+ bytes at \d+ are no whole frame\n", result.stderr)


def test_cat_takes_the_frame_that_is_being_written_for_no_damage(node: MakeNode) -> None:
    import fcntl

    there = node()
    there.send(numbers(3), numbers(3, 5))
    (path,) = there.folder.sealed()
    path = path.rename(path.with_name(f"{path.name}.open"))
    path.write_bytes(path.read_bytes()[:-3])
    with path.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        result = run(there, journal, "cat", str(path))
        assert (result.exit_code, len(result.stdout.splitlines())) == (0, 3)
        assert "of a frame that is being written" in result.stderr
        refused = run(there, journal, "repair", str(path))
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "its writer lives" in refused.stderr
    assert run(there, journal, "cat", str(path)).exit_code == 1


def test_cat_of_a_file_that_is_not_there_says_so(node: MakeNode) -> None:
    there = full(node)
    result = run(there, journal, "cat", "nothing.jsonl.zst")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "No such file" in result.stderr


def test_repair_explains_what_it_did(node: MakeNode) -> None:
    there = every_state(node)
    (aside,) = (there.data / "aside").iterdir()
    result = run(there, journal, "repair", f"aside/{aside.name}")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith("2 frames are whole and back in the journal, to be loaded: journal/")
    assert second.endswith(f"the original is kept as repaired/{aside.name}")
    assert run(there, journal, "repair", "aside/nothing").exit_code == 1


@pytest.mark.parametrize("command", [verify, rebuild])
def test_one_check_at_a_time(node: MakeNode, command: click.Command) -> None:
    from footfall.integrity.guard import exclusive_access

    there = full(node)
    with exclusive_access(there.data):
        result = run(there, command)
    assert (result.exit_code, result.stdout) == (3 if command is verify else 1, "")
    assert "another verify, rebuild or repair is at work" in result.stderr
