import base64

import pytest

from footfall.accounts.credentials import Credentials, parse_authorization


def token(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


@pytest.mark.parametrize(
    ("header", "user_id", "password"),
    [
        ("Basic " + token("Aladdin:open sesame"), "Aladdin", "open sesame"),
        ("basic " + token("a:b"), "a", "b"),
        ("BASIC   " + token("a:b") + " ", "a", "b"),
        ("Basic " + token("a:b:c:"), "a", "b:c:"),
        ("Basic " + token("a:"), "a", ""),
        ("Basic " + token("a:bcde").rstrip("="), "a", "bcde"),
        ("Basic " + token("a:bcde") + "==", "a", "bcde"),
        ("Basic " + token("Zoë:日本 £"), "Zoë", "日本 £"),
        ("Basic " + token("Zoe\u0308:e\u0301"), "Zo\u00eb", "\u00e9"),
        ("Basic " + token("a:" + "x" * 1_024), "a", "x" * 1_024),
        ("Basic " + token("ü" * 200 + ":" + "é" * 512), "ü" * 200, "é" * 512),
    ],
)
def test_a_header_has_credentials(header: str, user_id: str, password: str) -> None:
    assert parse_authorization(header) == Credentials(user_id, password)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "Basic",
        "Basic ",
        "Basic =",
        "Basic a",
        "Basic ====",
        "Basic !!!!",
        "Basic YT pi",
        "Basic é",
        "Basic \ud800",
        "Bearer " + token("a:b"),
        "Basic" + token("a:b"),
        token("a:b"),
        "Basic " + token("no colon"),
        "Basic " + token(":nobody"),
        "Basic " + token(b"a:\xff\xfe"),
        "Basic " + token("a\x00:b"),
        "Basic " + token("a\n:b"),
        "Basic " + token("a:b\x00"),
        "Basic " + token("a:b\x7f"),
        "Basic " + token("u" * 201 + ":b"),
        "Basic " + token("a:" + "x" * 1_025),
        "Basic " + token("a:" + "x" * 1_000_000),
    ],
)
def test_a_header_has_none(header: str | None) -> None:
    assert parse_authorization(header) is None


def test_credentials_do_not_show_the_password() -> None:
    assert repr(Credentials("alice", "open sesame")) == "Credentials(user_id='alice')"
