"""`footfall backup` and `footfall restore`: what they print, how they end, and who may read what they make."""

import json
from pathlib import Path

import pytest
from backed_up import Node, read_manifest
from click.testing import CliRunner, Result

from footfall.cli import main
from footfall.system.data_folder import last_backup_ms


def run(node: Node, *arguments: str) -> Result:
    pairs = [f"data_dir={node.data}", f"events_url={node.settings.events_url}", f"state_url={node.settings.state_url}"]
    options = [part for pair in pairs for part in ("--set", pair)]
    return CliRunner().invoke(main, [*options, *arguments], env={"FOOTFALL_CONFIG": ""}, catch_exceptions=False)


@pytest.fixture
def kept(full) -> Node:
    (full.data / "clock").touch()
    return full


def test_a_backup_says_what_it_holds(kept, tmp_path):
    assert last_backup_ms(kept.settings) is None
    result = run(kept, "backup", str(tmp_path / "b"))
    assert result.exit_code == 0, result.output
    assert last_backup_ms(kept.settings) == read_manifest(tmp_path / "b")["watermark_ms"]
    lines = result.stdout.splitlines()
    assert lines[0] == f"backed up to {tmp_path / 'b'}"
    assert lines[2] == "  events    2,000, 2019-09-13 to 2019-09-20"
    assert "  journal   2 segments not in the store yet" in lines
    assert "  state     1 backup place, 1 job, 2 secrets, 1 user" in lines
    assert result.stderr == ""


def test_a_backup_is_for_its_owners_eyes(kept, tmp_path):
    (tmp_path / "b").mkdir(mode=0o755)
    run(kept, "backup", str(tmp_path / "b"))
    run(kept, "backup", str(tmp_path / "c"))
    files = [path for name in "bc" for path in (tmp_path / name).rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700


def test_scripts_get_one_json_object(kept, nodes, tmp_path):
    saved = json.loads(run(kept, "backup", str(tmp_path / "b"), "--json").stdout)
    assert (saved["events"], saved["quarantined"], saved["files"], saved["left_out"]) == (2000, 2, 1, [])
    assert saved["watermark_ms"] == read_manifest(tmp_path / "b")["watermark_ms"]
    whole = json.loads(run(kept, "backup", str(tmp_path / "b"), "--verify", "--json").stdout)
    assert (whole["events"], whole["problems"]) == (2000, [])
    restored = json.loads(run(nodes(), "restore", str(tmp_path / "b"), "--json").stdout)
    assert (restored["events"], restored["plan_differs"]) == (2000, False)


def test_a_damaged_backup_ends_with_1_and_says_what_is_damaged(kept, nodes, tmp_path):
    run(kept, "backup", str(tmp_path))
    part = next((tmp_path / "parts").iterdir())
    part.write_bytes(b"")
    for command in (["backup", "--verify"], ["restore"]):
        result = run(nodes(), *command, str(tmp_path))
        assert result.exit_code == 1
        assert f"parts/{part.name} has 0 bytes instead of" in result.stderr
    told = json.loads(run(kept, "backup", "--verify", "--json", str(tmp_path)).stdout)
    assert len(told["problems"]) == 1


def test_a_restore_says_what_it_found_and_where_it_put_it(kept, nodes, tmp_path):
    run(kept, "backup", str(tmp_path))
    other = nodes()
    result = run(other, "restore", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert (other.data / "journal").is_dir(), "the commands would take it for no data folder"
    assert result.stdout.startswith(f"restored to {other.data}; the store has as many events of each day as the backup")
    again = run(other, "restore", str(tmp_path))
    assert again.exit_code == 1
    assert "is not empty" in again.stderr


def test_another_plan_is_told(kept, nodes, tmp_path):
    run(kept, "backup", str(tmp_path))
    plan = tmp_path / "plan.toml"
    plan.write_text('[products.SHOP]\ncolumns = ["user"]\n[products.SHOP.types]\nOPENED = ["user"]\n')
    result = run(nodes(), "--set", f"plan={plan}", "restore", str(tmp_path))
    assert result.exit_code == 0
    assert "reports may have other columns" in result.stderr


@pytest.mark.parametrize("arguments", [["backup"], ["restore"], ["backup", "--no-such", "x"], ["restore", "a", "b"]])
def test_a_line_that_cannot_be_read_ends_with_2(kept, arguments):
    assert run(kept, *arguments).exit_code == 2


def test_a_folder_without_data_is_not_backed_up(nodes, tmp_path):
    result = run(nodes(), "backup", str(tmp_path / "b"))
    assert result.exit_code == 1
    assert "there is no data of footfall in" in result.stderr
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("command", ["serve", "web", "worker", "backup"])
def test_nothing_starts_on_half_restored_data(nodes, tmp_path, command):
    node = nodes()
    (node.data / "restoring").mkdir()
    arguments = [str(Path(tmp_path) / "b")] if command == "backup" else []
    result = run(node, command, *arguments)
    assert result.exit_code == 1
    assert "has not finished: run it again" in result.stderr


@pytest.mark.parametrize(
    ("place", "why"),
    [("s3:/bucket/prefix", "a URL has two slashes"), ("{data}/backup", "is in the data folder"), ("{data}", "is in")],
)
def test_a_place_that_is_surely_not_meant_is_refused_and_nothing_is_made(nodes, tmp_path, monkeypatch, place, why):
    monkeypatch.chdir(tmp_path)
    node = nodes()
    (node.data / "clock").touch()
    before = sorted(tmp_path.iterdir()), sorted(node.data.iterdir())
    result = run(node, "backup", place.format(data=node.data))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert why in result.stderr
    assert (sorted(tmp_path.iterdir()), sorted(node.data.iterdir())) == before
