"""The examples for running behind a proxy and under systemd, as they stand but for names of hosts and files."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
EVENT = {"customer": "BARCHART", "product": "WATCHLIST", "type": "WATCHLIST-SYMBOL-ADDED", "timestamp": 1571029200000}
FILTER = {"customer": "BARCHART", "product": "WATCHLIST"}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def swapped(name: str, *pairs: tuple[str, str]) -> str:
    """An example with these words for others, each of which it has."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx_command(folder: Path, port: int, upstream: int) -> list[str]:
    names = ["-subj", "/CN=localhost", "-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subprocess.run(["openssl", *kind, *names], check=True, capture_output=True)
    server = swapped(
        "nginx.conf",
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("server_name usage.example.com", "server_name localhost"),
        ("/etc/ssl/usage.example.com.pem", str(folder / "certificate")),
        ("/etc/ssl/usage.example.com.key", str(folder / "key")),
        ("$host;", f"localhost:{port};"),
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root; " if os.geteuid() == 0 else ""
    head = f"{user}daemon off; pid {folder}/pid; error_log stderr; events {{}}"
    text = f"{head} http {{ access_log off; {places} {server} }}"
    (folder / "whole.conf").write_text(text, encoding="utf-8")
    return ["nginx", "-p", str(folder), "-c", str(folder / "whole.conf")]


def caddy_command(folder: Path, port: int, upstream: int) -> list[str]:
    site = swapped(
        "Caddyfile",
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("usage.example.com {", f"https://localhost:{port} {{"),
    )
    options = "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"
    (folder / "Caddyfile").write_text(options + site, encoding="utf-8")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@contextlib.contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[httpx.Client]:
    """A client of the proxy, once that answers."""
    environment = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as proxy,
    ):
        # The certificate is made here, and whom it names is not what is tried.
        client = httpx.Client(base_url=f"https://localhost:{port}/usage", verify=False, timeout=60)  # noqa: S501
        try:
            deadline = time.monotonic() + 30
            while not answers(client):
                assert proxy.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)
            yield client
        finally:
            client.close()
            proxy.terminate()


def answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/healthz").status_code == 200
    return False


@pytest.mark.parametrize(("name", "command"), [("nginx", nginx_command), ("caddy", caddy_command)])
def test_a_proxy_with_tls_and_a_prefix_serves_all_that_footfall_does(shared, tmp_path, name, command):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    folder, port, service = tmp_path / name, free_port(), shared
    logged = len((service.folder / "log").read_text())
    folder.mkdir()
    with running(command(folder, port, service.port), folder, port) as client:
        base, admin = f"https://localhost:{port}/usage", service.client.auth
        assert client.post("/events", json={"events": [EVENT | {"context": ["ada", "w", name]}]}).status_code == 200
        # A body that is too long for footfall is refused by footfall, not by the proxy.
        long = client.post("/events", json={"events": [EVENT | {"context": ["x" * 2_200_000]}] * 4})
        assert (long.status_code, long.json()[0]["value"]["code"]) == (413, "REQUEST_TOO_LARGE")
        source = client.post("/reports", json={"filter": FILTER}, auth=admin).json()["source"]
        ended = client.get(f"/reports/{source}/availability", params={"wait": 50}, auth=admin)
        assert ended.json()["status"] == "COMPLETE"
        link = client.get(f"/reports/{source}", auth=admin).json()["link"]
        assert link.startswith(f"{base}/files/")
        assert f"|{name}" in client.get(link).raise_for_status().text
        assert f"{base}/events" in client.get("/docs").raise_for_status().text
        assert client.get("/").headers["location"] == f"{base}/docs"
        # Limits are by the address that the proxy tells.
        assert client.get("/reports", auth=("admin", "wrong password")).status_code == 401
    assert "a sign-in of user 'admin' from 127.0.0.1 failed" in (service.folder / "log").read_text()[logged:]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="checks a unit of systemd")
def test_the_unit_is_one_that_systemd_takes_and_is_shut_in(tmp_path: Path) -> None:
    unit = tmp_path / "footfall.service"
    unit.write_text(swapped("footfall.service", ("/srv/footfall/bin/footfall", "/bin/true")), encoding="utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    exposure = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert exposure.returncode == 0, exposure.stdout[-300:]
