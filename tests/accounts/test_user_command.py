"""`footfall user`, as it is called."""

import json
import os
import pty
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result
from msgspec import structs

from footfall.cli import main
from footfall.cli.user import user
from footfall.settings import Settings
from footfall.state import SecondFactor, Session, State, open_state

PASSWORD = "open sesame: please"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    # The folder of a service that has never run.
    (tmp_path / "data" / "journal").mkdir(parents=True)
    return Settings(data_dir=str(tmp_path / "data"))


def run(settings: Settings, *arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(user, list(arguments), obj=settings, input=stdin, catch_exceptions=False)


def refused(result: Result) -> str:
    """The one line of a refusal."""
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


def matches(settings: Settings, user_id: str, password: str) -> bool:
    state = open_state(settings)
    found = state.users.get(user_id)
    state.close()
    assert found is not None
    return PasswordHasher().verify(found.password_hash, password)


def test_a_user_is_added_and_listed(settings: Settings) -> None:
    options = ["--customer", "TGAM", "--customer", "BARCHART", "--context", "barchart.com", "--permissions", "all"]
    added = run(settings, "add", "alice", *options, stdin=PASSWORD + "\n")
    assert (added.exit_code, added.stdout, added.stderr) == (0, "added user alice\n", "")
    assert matches(settings, "alice", PASSWORD)
    assert run(settings, "add", "root", "--admin", stdin=PASSWORD).exit_code == 0
    head, alice, root = run(settings, "list").stdout.splitlines()
    assert head.split() == ["ID", "ADMIN", "MONITOR", "CUSTOMERS", "CONTEXT", "PERMISSIONS", "CREATED"]
    assert alice.split()[:6] == ["alice", "no", "no", "TGAM,BARCHART", "barchart.com", "all"]
    assert root.split()[:6] == ["root", "yes", "no", "*", "-", "-"]
    assert head.index("CONTEXT") == alice.index("barchart.com")


def test_users_are_listed_for_scripts_without_hashes(settings: Settings) -> None:
    assert json.loads(run(settings, "list", "--json").stdout) == []
    run(settings, "add", "Zoë", "--customer", "TGAM", stdin=PASSWORD)
    listed = run(settings, "list", "--json").stdout
    (found,) = json.loads(listed)
    assert isinstance(found.pop("created_ms"), int)
    rights = {"admin": False, "monitor": False, "customers": ["TGAM"]}
    assert found == {"id": "Zoë", **rights, "context": "", "permissions": None}
    assert "argon2" not in listed


def test_what_is_named_of_a_user_changes_and_the_rest_stays(settings: Settings) -> None:
    def shown() -> dict[str, Any]:
        (found,) = (each for each in json.loads(run(settings, "list", "--json").stdout) if each["id"] == "alice")
        return {name: found[name] for name in ("admin", "monitor", "customers", "context", "permissions")}

    run(settings, "add", "root", "--admin", stdin=PASSWORD)
    run(settings, "add", "alice", "--customer", "TGAM", "--context", "a.example", "--permissions", "p", stdin=PASSWORD)
    expected = {"admin": False, "monitor": False, "customers": ["TGAM"], "context": "a.example", "permissions": "p"}
    for options, change in (
        (["--admin"], {"admin": True}),
        (["--monitor", "--context", "b.example"], {"monitor": True, "context": "b.example"}),
        (["--no-admin", "--permissions", ""], {"admin": False, "permissions": None}),
        (["--no-monitor", "--context", ""], {"monitor": False, "context": ""}),
    ):
        changed = run(settings, "change", "alice", *options)
        assert (changed.exit_code, changed.output) == (0, "changed user alice\n")
        expected |= change
        assert shown() == expected
    assert matches(settings, "alice", PASSWORD)


def test_a_monitor_is_not_told_of_customers(settings: Settings) -> None:
    assert run(settings, "add", "prometheus", "--monitor", stdin=PASSWORD).stderr == ""


def test_who_sees_nothing_is_told(settings: Settings) -> None:
    added = run(settings, "add", "alice", stdin=PASSWORD)
    assert added.exit_code == 0
    assert "sees no customer yet" in added.stderr


@pytest.mark.parametrize(
    ("stdin", "password"),
    [
        (f"{PASSWORD}\n", PASSWORD),
        (f"{PASSWORD}\r\n", PASSWORD),
        (f"{PASSWORD}\nsecond line\n", PASSWORD),
        (f" {PASSWORD} \n", f" {PASSWORD} "),
        ("日本語のパスワード長い", "日本語のパスワード長い"),
    ],
)
def test_the_password_is_one_line_of_standard_input(settings: Settings, stdin: str, password: str) -> None:
    run(settings, "add", "alice", "--admin", stdin=stdin)
    assert matches(settings, "alice", password)


def test_a_password_is_changed(settings: Settings) -> None:
    run(settings, "add", "alice", "--admin", stdin=PASSWORD)
    changed = run(settings, "password", "alice", stdin="another password\n")
    assert (changed.exit_code, changed.stdout) == (0, "changed the password of user alice\n")
    assert matches(settings, "alice", "another password")


def test_a_user_is_removed(settings: Settings) -> None:
    run(settings, "add", "alice", stdin=PASSWORD)
    removed = run(settings, "remove", "alice")
    assert (removed.exit_code, removed.stdout) == (0, "removed user alice\n")
    assert json.loads(run(settings, "list", "--json").stdout) == []


def test_customers_are_granted_and_revoked(settings: Settings) -> None:
    run(settings, "add", "alice", "--customer", "BARCHART", stdin=PASSWORD)
    granted = run(settings, "grant", "alice", "--customer", "TGAM")
    assert (granted.exit_code, granted.stdout) == (0, "user alice may see TGAM\n")
    revoked = run(settings, "revoke", "alice", "--customer", "BARCHART")
    assert (revoked.exit_code, revoked.stdout) == (0, "user alice may not see BARCHART\n")
    (found,) = json.loads(run(settings, "list", "--json").stdout)
    assert found["customers"] == ["TGAM"]
    assert "alice does not see BARCHRT, but TGAM; nothing was changed" in refused(
        run(settings, "revoke", "alice", "--customer", "BARCHRT", "--customer", "TGAM")
    )
    assert json.loads(run(settings, "list", "--json").stdout) == [found]
    assert "did you mean BARCHART?" in refused(run(settings, "grant", "alice", "--customer", "BARCHRT"))


@pytest.mark.parametrize(
    ("arguments", "stdin", "why"),
    [
        (["add", "root"], PASSWORD, "user 'root' exists already"),
        (["add", "alice"], "short\n", "a password has at least 10 characters"),
        (["add", "alice"], "", "a password has at least 10 characters"),
        (["add", "alice"], b"\xff" * 12 + b"\n", "is not UTF-8"),
        (["add", "a:b"], PASSWORD, "a user id has 1 to 200 printable characters"),
        (["add", "alice", "--customer", ""], PASSWORD, "a customer's code has 1 to 200"),
        (["password", "nobody"], PASSWORD, "no such user: 'nobody'"),
        (["password", "root"], "short", "a password has at least 10 characters"),
        (["grant", "nobody", "--customer", "TGAM"], "", "no such user: 'nobody'"),
        (["grant", "root", "--new", "--customer", ""], "", "a customer's code has 1 to 200"),
        (["revoke", "nobody", "--customer", "TGAM"], "", "no such user: 'nobody'"),
        (["revoke", "root", "--customer", "TGAM"], "", "root is an admin, who sees all customers"),
        (["change", "nobody", "--admin"], "", "no such user: 'nobody'"),
        (["change", "root", "--no-admin"], "", "user 'root' is the last admin"),
        (["change", "root", "--context", "a\nb"], "", "context has at most 1000 printable characters"),
        (["remove", "nobody"], "", "no such user: 'nobody'"),
        (["remove", "root"], "", "user 'root' is the last admin"),
    ],
)
def test_refusals_are_one_line(settings: Settings, arguments: list[str], stdin: str | bytes, why: str) -> None:
    run(settings, "add", "root", "--admin", stdin=PASSWORD)
    assert why in refused(run(settings, *arguments, stdin=stdin))
    (kept,) = json.loads(run(settings, "list", "--json").stdout)
    assert kept["id"] == "root"
    assert matches(settings, "root", PASSWORD)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state_url": "oracle://somewhere"}, "state_url"),
        ({"state_url": "postgresql://footfall:hunter2-hunter2@127.0.0.1:1/x"}, "state database 127.0.0.1:1/x"),
        ({"data_dir": "/dev/null/data"}, "data folder /dev/null/data"),
    ],
)
def test_a_state_that_cannot_be_opened_is_one_line(changes: dict[str, Any], why: str) -> None:
    line = refused(run(Settings(**changes), "list"))
    assert why in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "arguments",
    [["add"], ["add", "a", "b"], ["list", "a"], ["add", "a", "--password", "x"], ["rename", "a"], ["change", "a"]],
)
def test_a_command_line_that_cannot_be_read_is_2(settings: Settings, arguments: list[str]) -> None:
    result = run(settings, *arguments, stdin=PASSWORD)
    assert result.exit_code == 2
    assert not (settings.data / "state.db").exists()


@pytest.mark.parametrize(
    "command", [[], ["add"], ["list"], ["password"], ["change"], ["grant"], ["revoke"], ["remove"]]
)
def test_help_has_an_example(settings: Settings, command: list[str]) -> None:
    shown = run(settings, *command, "--help")
    assert shown.exit_code == 0
    assert f"  footfall user {' '.join(command)}" in shown.stdout


def test_the_main_command_hands_over_the_settings(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "journal").mkdir(parents=True)
    options = ["--set", f"data_dir={tmp_path / 'elsewhere'}"]
    added = CliRunner().invoke(main, [*options, "user", "add", "root", "--admin"], input=PASSWORD)
    assert added.exit_code == 0, added.output
    state = State(f"sqlite:///{tmp_path / 'elsewhere' / 'state.db'}")
    assert [found.id for found in state.users.all()] == ["root"]
    state.close()


def at_a_terminal(settings: Settings, *typed: str) -> tuple[int, str]:
    """Add alice with a terminal as standard input; the exit code, and all that the terminal showed."""
    ours, theirs = pty.openpty()
    script = (
        "import sys; from footfall.cli.user import user; from footfall.settings.schema import Settings;"
        "user(['add', 'alice', '--admin'], obj=Settings(data_dir=sys.argv[1]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, settings.data_dir],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        for answer in typed:
            # What is typed before the prompt would be thrown away.
            while not shown.endswith((b"Password: ", b"again: ")):
                shown += os.read(ours, 1_024)
            os.write(ours, answer.encode() + b"\n")
            shown += b"|"
        while block := _read_rest(ours):
            shown += block
        os.close(ours)
        return process.wait(60), shown.decode()


def _read_rest(file: int) -> bytes:
    try:
        return os.read(file, 1_024)
    except OSError:
        return b""  # The other side is gone.


def test_a_terminal_asks_twice_and_shows_nothing(settings: Settings) -> None:
    code, shown = at_a_terminal(settings, PASSWORD, PASSWORD)
    assert code == 0, shown
    assert "added user alice" in shown
    assert PASSWORD not in shown
    assert matches(settings, "alice", PASSWORD)


def test_a_terminal_asks_again_after_a_slip(settings: Settings) -> None:
    code, shown = at_a_terminal(settings, PASSWORD, "a slip of the finger", PASSWORD, PASSWORD)
    assert code == 0, shown
    assert "do not match" in shown
    assert matches(settings, "alice", PASSWORD)


def test_a_customer_whom_nobody_knows_is_taken_for_a_slip(settings: Settings) -> None:
    refused = run(settings, "add", "alice", "--customer", "BARCHRT", stdin=PASSWORD)
    assert refused.exit_code == 1
    assert "did you mean BARCHART?" in refused.stderr
    assert run(settings, "add", "alice", "--customer", "BARCHRT", "--new", stdin=PASSWORD).exit_code == 0


def test_a_code_beside_the_password_is_dropped(settings: Settings) -> None:
    run(settings, "add", "alice", "--admin", stdin=f"{PASSWORD}\n")
    assert refused(run(settings, "drop-code", "bob")).startswith("Error: no such user: 'bob'")
    assert refused(run(settings, "drop-code", "alice")) == "Error: the password of user alice counts alone already"
    with closing(open_state(settings)) as state:
        alice = state.users.get("alice")
        assert alice
        assert state.factors.begin(SecondFactor(account=alice.account, secret="A", confirmed=True, created_ms=1))
    assert run(settings, "drop-code", "alice").stdout == "the password of user alice counts alone again\n"
    with closing(open_state(settings)) as state:
        assert state.factors.names() == []


def test_a_user_is_linked_to_one_subject_and_unlinked(settings: Settings) -> None:
    assert run(settings, "add", "anna", "--customer", "BARCHART", stdin=f"{PASSWORD}\n").exit_code == 0
    assert "oidc_issuer names it" in refused(run(settings, "link", "anna", "s-1"))
    settings = structs.replace(settings, oidc_issuer="https://id.example.com")
    assert "no such user" in refused(run(settings, "link", "bob", "s-1"))
    assert run(settings, "link", "anna", "s-1").exit_code == 0
    assert "has an identity already" in refused(run(settings, "link", "anna", "s-2"))
    with closing(open_state(settings)) as state:
        found = state.identities.find("https://id.example.com", "s-1")
        assert found is not None
        assert found.id == "anna"
        assert state.identities.find("https://other.example.com", "s-1") is None
        actions = [entry.action for entry in state.audit.following(0, 10)]
    assert actions[-1] == "user.link"
    assert run(settings, "unlink", "anna").exit_code == 0
    assert "is not linked" in refused(run(settings, "unlink", "anna"))
    # Neither takes the password away.
    assert matches(settings, "anna", PASSWORD)


def test_all_sessions_of_a_user_end(settings: Settings) -> None:
    run(settings, "add", "alice", "--admin", stdin=f"{PASSWORD}\n")
    assert refused(run(settings, "sign-out", "bob")).startswith("Error: no such user: 'bob'")
    with closing(open_state(settings)) as state:
        alice = state.users.get("alice")
        assert alice
        for name in ("here", "there"):
            session = Session(token_hash=name, account=alice.account, security_stamp="", created_ms=1, seen_ms=1)
            state.sessions.add(session, each_max=9, seen_before_ms=0, created_before_ms=0)
    assert run(settings, "sign-out", "alice").stdout == "ended 2 sessions of user alice\n"
    with closing(open_state(settings)) as state:
        assert state.sessions.of(alice.account) == []
