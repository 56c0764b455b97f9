"""What a request says of itself, and when proxies are believed."""

from typing import Any

import pytest

from footfall.settings import Settings
from footfall.web.forwarded import Forwarded, requested_path

PROXY, CLIENT = "10.0.0.1", "203.0.113.9"


def scope(peer: str | None = PROXY, root_path: str = "", **headers: str) -> Any:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {
        "type": "http",
        "scheme": "http",
        "client": (peer, 4711) if peer else None,
        "server": ("127.0.0.1", 8000),
        "root_path": root_path,
        "headers": raw,
    }


def base_url(trusted: str = PROXY, public_url: str = "", **kwargs: Any) -> str:
    return Forwarded(Settings(trusted_proxies=trusted, public_url=public_url)).base_url(scope(**kwargs))


def address(trusted: str = PROXY, **kwargs: Any) -> str:
    return Forwarded(Settings(trusted_proxies=trusted)).client_address(scope(**kwargs))


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [("", "/a", "/a"), ("/in", "/in/a", "/a"), ("/in", "/a", "/a"), ("/in", "/inner", "/inner"), ("/in", "/in", "/in")],
)
def test_a_path_is_below_the_root_whether_the_server_has_the_root_in_it_or_not(
    root: str, path: str, expected: str
) -> None:
    assert requested_path({**scope(root_path=root), "path": path}) == expected


def test_the_setting_goes_before_everything() -> None:
    assert base_url(public_url="https://a.example/x/", host="b.example") == "https://a.example/x"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "b.example"}, "http://b.example"),
        ({"host": "b.example:8080"}, "http://b.example:8080"),
        ({"host": "[2001:db8::1]:8080"}, "http://[2001:db8::1]:8080"),
        ({"host": "b.example", "root_path": "/in"}, "http://b.example/in"),
        ({"host": "b", "x_forwarded_proto": "https", "x_forwarded_host": "c.example"}, "https://c.example"),
        ({"host": "b", "x_forwarded_proto": "HTTPS"}, "https://b"),
        ({"host": "b", "x_forwarded_host": "c.example, d.internal"}, "http://c.example"),
        ({"host": "b", "x_forwarded_port": "8443", "x_forwarded_proto": "https"}, "https://b:8443"),
        ({"host": "b", "x_forwarded_port": "443", "x_forwarded_proto": "https"}, "https://b"),
        ({"host": "b", "x_forwarded_port": "80"}, "http://b"),
        ({"host": "b", "x_forwarded_host": "c:81", "x_forwarded_port": "82"}, "http://c:81"),
        ({"host": "[2001:db8::1]", "x_forwarded_port": "8080"}, "http://[2001:db8::1]:8080"),
        ({"host": "b", "x_forwarded_port": "70000"}, "http://b"),
        ({"host": "b", "x_forwarded_port": "8x"}, "http://b"),
        ({"host": "b", "x_forwarded_port": "8080", "peer": CLIENT}, "http://b"),
        ({"host": "b", "x_forwarded_prefix": "/usage/"}, "http://b/usage"),
        ({"host": "b", "x_forwarded_prefix": "/a/b-c"}, "http://b/a/b-c"),
        ({"host": "b", "forwarded": "for=1.2.3.4;host=c.example;proto=https"}, "https://c.example"),
        ({"host": "b", "forwarded": 'for="[::1]";Host="c.example:81", for=2;host=d'}, "http://c.example:81"),
        # What the outside says is taken only in the shape of a host, a scheme, a path.
        ({"host": "b:99999"}, "http://127.0.0.1:8000"),
        ({"host": "b:0"}, "http://127.0.0.1:8000"),
        ({"host": "[::::]"}, "http://127.0.0.1:8000"),
        ({"host": "[1.2.3.4]:80"}, "http://127.0.0.1:8000"),
        ({}, "http://127.0.0.1:8000"),
        ({"host": ""}, "http://127.0.0.1:8000"),
        ({"host": "b.example/evil"}, "http://127.0.0.1:8000"),
        ({"host": "user@b.example"}, "http://127.0.0.1:8000"),
        ({"host": 'b"><script>'}, "http://127.0.0.1:8000"),
        ({"host": "b", "x_forwarded_host": "c\r\nset-cookie: x"}, "http://b"),
        ({"host": "b", "x_forwarded_proto": "javascript"}, "http://b"),
        ({"host": "b", "x_forwarded_prefix": "//evil.example"}, "http://b"),
        ({"host": "b", "x_forwarded_prefix": "/../x"}, "http://b"),
        ({"host": "b", "x_forwarded_prefix": "/x?y"}, "http://b"),
    ],
)
def test_a_trusted_proxy_says_how_the_service_is_called(headers: dict[str, str], expected: str) -> None:
    assert base_url(**headers) == expected


def test_others_are_not_believed() -> None:
    told = {"x_forwarded_proto": "https", "x_forwarded_host": "c", "x_forwarded_prefix": "/p", "forwarded": "host=d"}
    assert base_url(peer=CLIENT, host="b.example", **told) == "http://b.example"


@pytest.mark.parametrize(
    ("trusted", "peer", "believed"),
    [
        ("10.0.0.0/8", "10.9.9.9", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("127.0.0.1, ::1", "::1", True),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("2001:db8::/32", "2001:db8::7", True),
        ("*", "203.0.113.9", True),
        ("*", None, True),
        ("10.0.0.0/8", None, False),
        ("10.0.0.0/8", "testclient", False),
        ("", "127.0.0.1", False),
    ],
)
def test_who_is_trusted(trusted: str, peer: str | None, believed: bool) -> None:
    found = base_url(trusted, peer=peer, host="b", x_forwarded_host="c")
    assert found == ("http://c" if believed else "http://b")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (CLIENT, "192.0.2.1", CLIENT),
        (PROXY, "", PROXY),
        (PROXY, CLIENT, CLIENT),
        # Only the last address was seen by a trusted one; whatever stands before it, the client may have written.
        (PROXY, f"192.0.2.1, {CLIENT}", CLIENT),
        (PROXY, f"192.0.2.1, {CLIENT}, 10.0.0.1", CLIENT),
        (PROXY, f"{CLIENT}:55555", CLIENT),
        (PROXY, "[2001:db8::9]:555", "2001:db8::9"),
        (PROXY, "2001:db8::9", "2001:db8::9"),
        (PROXY, "unknown", PROXY),
        (None, "192.0.2.1", ""),
    ],
)
def test_address_is_the_last_that_a_trusted_proxy_saw(peer: str | None, forwarded: str, expected: str) -> None:
    assert address(peer=peer, x_forwarded_for=forwarded) == expected


def test_a_setting_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="proxy"):
        Forwarded(Settings(trusted_proxies="proxy.example"))
