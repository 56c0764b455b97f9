"""Links open one file until they expire, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from footfall.reports.files import is_link_valid, sign_link
from footfall.state import User

SECRET = b"s" * 32
OWNER = User(id="ann", password_hash="", created_ms=0, account="a", security_stamp="s")
END_MS = 1_760_000_900_000
TOKEN = sign_link(SECRET, OWNER, "JOB-1", "a.csv", END_MS)


def test_a_link_opens_its_file_until_its_very_end() -> None:
    assert is_link_valid(SECRET, OWNER, "JOB-1", "a.csv", TOKEN, END_MS - 1)
    assert not is_link_valid(SECRET, OWNER, "JOB-1", "a.csv", TOKEN, END_MS)


def test_a_token_is_safe_in_an_address() -> None:
    assert TOKEN.isascii()
    assert TOKEN.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("secret", "source", "name"),
    [(b"t" * 32, "JOB-1", "a.csv"), (SECRET, "JOB-2", "a.csv"), (SECRET, "JOB-1", "b.csv"), (SECRET, "JOB-1a", ".csv")],
)
def test_a_link_opens_nothing_else(secret: bytes, source: str, name: str) -> None:
    assert not is_link_valid(secret, OWNER, source, name, TOKEN, 0)


@pytest.mark.parametrize(
    "changes", [{"account": "b"}, {"security_stamp": "t"}, {"account": "s", "security_stamp": "a"}]
)
def test_a_link_of_another_owner_or_password_opens_nothing(changes: dict[str, str]) -> None:
    assert is_link_valid(SECRET, OWNER, "JOB-1", "a.csv", TOKEN, 0)
    assert not is_link_valid(SECRET, structs.replace(OWNER, **changes), "JOB-1", "a.csv", TOKEN, 0)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "-",
        "9999999999999",
        f"{END_MS}-",
        f"-{TOKEN}",
        f"{TOKEN}x",
        TOKEN[:-1],
        f"{END_MS + 1}-{TOKEN.partition('-')[2]}",
        f"{END_MS}-ü",
        f"٣-{TOKEN.partition('-')[2]}",
        f"{'9' * 5000}-{TOKEN.partition('-')[2]}",
    ],
)
def test_a_forged_token_opens_nothing(token: str) -> None:
    assert not is_link_valid(SECRET, OWNER, "JOB-1", "a.csv", token, 0)


@given(st.text(), st.text(), st.text())
def test_no_other_token_opens_a_file(source: str, name: str, token: str) -> None:
    assert not is_link_valid(SECRET, OWNER, source, name, token, 0)


def test_a_lone_surrogate_in_an_address_opens_nothing() -> None:
    assert not is_link_valid(SECRET, OWNER, "JOB-\udcff", "\udcff", TOKEN, 0)
