"""`footfall export-person`: all that is kept of a person, and nothing of others."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from quarantined import TIME, Node, event

from footfall.cli import main
from footfall.state import open_state


def run(there: Node, *arguments: str) -> Result:
    names = ("events_url", "data_dir", "plan_mode", "disk_free_bytes_min")
    settings = {f"FOOTFALL_{name.upper()}": str(getattr(there.settings, name)) for name in names}
    settings |= {"FOOTFALL_PLAN": str(there.plan_file)}
    return CliRunner().invoke(main, ["export-person", *arguments], env=settings, catch_exceptions=False)


@pytest.fixture
async def there(node: Any) -> Node:
    """Events of u and v, one of u in quarantine, and one that has `u` under another key."""
    made: Node = node()
    async with made.open():
        await made.post(event("OPENED", "u"), event("BOUGHT", "u", "hat", timestamp=TIME + 1, version="2"), key="a")
        await made.post(event("OPENED", "v"), event("BOUGHT", "v", "u"), event("OPENED", "u", customer="D"), key="b")
        await made.post(event("SOLD", "?", "u"), event("SOLD", "?", "v"), key="c", user_agent="browser/1")
        await made.load()
        loaded_ms = made.clock.now_ms() + 1
    state = open_state(made.settings)
    state.migrate()
    state.nodes.put("here", loaded_ms, 0)
    state.close()
    return made


async def test_a_person_has_the_events_under_the_key_and_what_quarantine_holds(there: Node) -> None:
    done = run(there, "--key", "user", "--value", "u")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["keptIn"], line["customer"], line["type"], line["context"]) for line in lines] == [
        ("events", "C", "OPENED", {"user": "u"}),
        ("events", "D", "OPENED", {"user": "u"}),
        ("events", "C", "BOUGHT", {"user": "u", "item": "hat"}),
        ("quarantine", "C", "SOLD", ["?", "u"]),
    ]
    assert (lines[2]["version"], lines[2]["timestamp"], lines[3]["user_agent"]) == ("2", TIME + 1, "browser/1")
    assert done.stderr.startswith("4 events, of those accepted up to ")


async def test_one_customers_events_go_into_a_file_of_ones_own(there: Node, tmp_path: Path) -> None:
    file = tmp_path / "u.jsonl"
    assert run(there, "--key", "user", "--value", "u", "--customer", "D", "--output", str(file)).exit_code == 0
    assert len(file.read_text().splitlines()) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # Never over another file.
    again = run(there, "--key", "user", "--value", "u", "--output", str(file))
    assert (again.exit_code, len(file.read_text().splitlines())) == (1, 1)
    assert "File exists" in again.stderr


async def test_nobody_is_found_by_a_key_that_there_is_not(there: Node) -> None:
    wrong = run(there, "--key", "users", "--value", "u")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    assert "has the key 'users': item, user" in wrong.stderr
    none = run(there, "--key", "user", "--value", "nobody")
    assert (none.exit_code, none.stdout) == (0, "")
