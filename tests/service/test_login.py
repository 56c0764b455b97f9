"""`footfall login`: a service and credentials in a file that is the user's alone, once the service has taken them."""

import os
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from footfall.cli import main
from footfall.cli.remote import connecting, profiles
from footfall.cli.remote.profiles import Profile
from footfall.settings import Settings

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("URL", "PROFILE", "USER", "PASSWORD", "KEY"):
        monkeypatch.delenv(f"FOOTFALL_{name}", raising=False)
    return tmp_path / "config" / "footfall"


def run(*words: str, given: str = "") -> Result:
    return CliRunner().invoke(main, words, input=given, prog_name="footfall", catch_exceptions=False)


def test_what_the_service_takes_is_kept_for_its_user_alone(shared, folder):
    old = os.umask(0)
    try:
        told = run("login", shared.url, "--user", "admin", given=f"{PASSWORD}\n")
    finally:
        os.umask(old)
    assert (told.exit_code, PASSWORD in told.output) == (0, False)
    assert profiles.read() == {"default": Profile(shared.url, "admin", PASSWORD)}
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "profiles.toml")] == [0o700, 0o600]
    assert run("login", "--list").stdout.splitlines()[1].split() == ["default", shared.url, "admin"]
    assert connecting.find_service(Settings(), None, None).auth == ("admin", PASSWORD)
    assert run("logout").exit_code == 0
    assert run("logout").stderr == "Error: there is no profile 'default'; there are: none\n"


def test_a_key_is_checked_and_kept_under_a_name(shared, monkeypatch):
    key = shared.client.post("/keys", json={"name": "board", "scopes": ["read"]}).raise_for_status().json()["key"]
    monkeypatch.setenv("FOOTFALL_KEY", key)
    assert run("login", shared.url, "--key", "--profile", "board ü").exit_code == 0
    assert profiles.read() == {"board ü": Profile(shared.url, "admin", key=key)}
    monkeypatch.delenv("FOOTFALL_KEY")
    assert connecting.find_service(Settings(), None, None).auth == key, "the only one"
    assert "a key of admin" in run("login", "--list").stdout
    assert "there is no profile 'x'; there are: board ü" in run("send", "--profile", "x", "file").stderr


def test_what_the_service_does_not_take_is_not_kept(shared):
    told = run("login", shared.url, "--user", "admin", given="wrong password\n")
    assert (told.exit_code, told.stderr) == (1, "Error: the service does not know this user, password or key\n")
    assert run("login", "http://127.0.0.1:9", "--user", "a", given="b\n").stderr.startswith(
        "Error: the service does not"
    )
    assert run("login", shared.url, given="x\n").exit_code == 2
    assert run("login", shared.url, "--user", "admin").exit_code == 1
    assert profiles.read() == {}


def test_credentials_go_to_their_own_service_alone(monkeypatch):
    profiles.write({"default": Profile("https://one.example.com", "ada", "secret of one")})
    assert connecting.find_service(Settings(), "https://one.example.com/", None).auth == ("ada", "secret of one")
    assert connecting.find_service(Settings(), "https://two.example.com", None).auth is None
    monkeypatch.setenv("FOOTFALL_URL", "https://two.example.com")
    monkeypatch.setenv("FOOTFALL_KEY", "a key")
    assert connecting.find_service(Settings(), None, None).auth == "a key"
    assert connecting.find_service(Settings(), None, "default").auth == ("ada", "secret of one")


def test_a_file_that_others_can_read_is_refused_with_what_mends_it(folder):
    profiles.write({"default": Profile("https://one.example.com", "ada", 'a "quoted" \\ secret')})
    (folder / "profiles.toml").chmod(0o640)
    told = run("send", "file")
    assert (told.exit_code, f"chmod 600 {folder / 'profiles.toml'}" in told.stderr) == (1, True)
    (folder / "profiles.toml").chmod(0o600)
    assert profiles.read()["default"].password == 'a "quoted" \\ secret'
    (folder / "profiles.toml").write_text("[profiles.default]\nurl = 7\n")
    assert "cannot be read" in run("logout").stderr


def test_whatever_a_name_or_a_secret_is_the_file_can_be_read_again():
    odd = {"😀": Profile("https://one.example.com", "a\x7fb", 'x\x7f\x01\t"\\😀\x85\u2028')}
    profiles.write(odd)
    assert profiles.read() == odd


@pytest.mark.parametrize("url", ["http://[", "https://ada:secret@[::1", "https://one.example.com:99999"])
def test_an_address_that_cannot_be_read_is_refused_in_one_line_without_what_it_has(url):
    told = run("login", url, "--user", "a", given="b\n")
    assert told.exit_code == 1
    assert told.stderr == "Error: this is no address of a service, such as https://events.example.com\n"


def test_a_service_on_this_machine_needs_no_profile(shared):
    settings = Settings(data_dir=str(shared.folder), host="0.0.0.0", port=shared.port)  # noqa: S104 - what it listens on
    assert connecting.find_service(settings, None, None).url == shared.url


def test_a_certificate_of_an_own_authority_is_told_with_the_way_out(monkeypatch):
    issued = trustme.CA().issue_cert("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued.configure_cert(context)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr("footfall_client.calls._ATTEMPTS_MAX", 1)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        told = run("login", f"https://127.0.0.1:{server.server_port}", "--user", "admin", given=f"{PASSWORD}\n")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert told.exit_code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in told.stderr
    assert "name its file by the variable SSL_CERT_FILE" in told.stderr
