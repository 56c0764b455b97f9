"""The service with TLS: a new certificate and a restart under load, without a request that fails."""

import os
import re
import signal
import ssl
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest
import trustme
from sending import Sender, wait_for_all, wait_until

from footfall.service.handover import RESTART_SIGNAL

PASSWORD = "correct horse battery"


def write_pair(folder, authority):
    """A new certificate for this machine in the files of the settings; returns its bytes."""
    issued = authority.issue_cert("localhost", "127.0.0.1")
    key = folder / "key.pem"
    key.unlink(missing_ok=True)
    issued.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    (folder / "certificate.pem").write_bytes(certificate := issued.cert_chain_pems[0].bytes())
    return certificate


def shown_certificate(url):
    return ssl.get_server_certificate(("127.0.0.1", urlsplit(url).port), timeout=60).encode().split()


@pytest.fixture
def authority(tmp_path, monkeypatch):
    made = trustme.CA(key_type=trustme.KeyType.ECDSA)
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def test_a_new_certificate_and_a_restart_lose_no_request_and_all_addresses_are_https(tmp_path, authority, serve):
    write_pair(tmp_path, authority)
    pair = {"tls_certificate": tmp_path / "certificate.pem", "tls_key": tmp_path / "key.pem"}
    running = serve(**pair)
    assert running.url.startswith("https://")
    assert f"curl {running.url}/events" in running.banner
    assert running.client.get("/openapi.json").json()["servers"] == [{"url": running.url}]
    answer = running.client.get("/service/version")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    with httpx.Client(base_url=running.url, timeout=60, headers={"accept": "text/html"}) as browser:
        page = browser.get("/dashboard/sign-in").text
        (token,) = set(re.findall(r'name="form" value="([0-9a-f]+)"', page))
        fields = {"form": token, "user": "admin", "password": PASSWORD}
        signed_in = browser.post("/dashboard/sign-in", data=fields)
        assert signed_in.status_code == 303
        (cookie,) = [each for each in signed_in.headers.get_list("set-cookie") if each.startswith("__Host-footfall=")]
        assert "secure" in cookie.lower()
    senders = [Sender(running.url, keep_alive=keep) for keep in (True, False)]
    for sender in senders:
        sender.start()
    try:
        wait_for_all(senders)
        # The new certificate, by the signal; then the program anew, with the sockets handed over.
        new = write_pair(tmp_path, authority)
        os.kill(running.process.pid, signal.SIGHUP)
        wait_until(lambda: shown_certificate(running.url) == new.split(), "the new certificate is not shown")
        wait_for_all(senders)
        web = set(running.children("web"))
        os.kill(running.process.pid, RESTART_SIGNAL)
        wait_until(lambda: (now := set(running.children("web"))) and not now & web, "no restart")
        wait_for_all(senders)
    finally:
        for sender in senders:
            sender.stopping.set()
            sender.join()
    assert [sender.failures for sender in senders] == [[], []]
    # A command on the same machine finds the service by its data folder.
    told = subprocess.run(
        [sys.executable, "-m", "footfall", "stats", "top", "--data-dir", str(running.folder)],
        env={**os.environ, "FOOTFALL_USER": "nobody", "FOOTFALL_PASSWORD": "nothing"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "does not know this user" in told.stderr


def test_a_key_that_others_may_read_is_a_reason_not_to_start(tmp_path, authority):
    write_pair(tmp_path, authority)
    (tmp_path / "key.pem").chmod(0o644)
    told = subprocess.run(
        [sys.executable, "-m", "footfall", "serve", "--check"],
        env={
            **os.environ,
            "FOOTFALL_DATA_DIR": str(tmp_path / "data"),
            "FOOTFALL_TLS_CERTIFICATE": str(tmp_path / "certificate.pem"),
            "FOOTFALL_TLS_KEY": str(tmp_path / "key.pem"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == os.EX_CONFIG
    assert "other users of this machine may use the key" in told.stderr
