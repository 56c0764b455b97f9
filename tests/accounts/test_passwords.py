"""Which new passwords are taken: not those that are tried first."""

import pytest

from footfall.accounts import Accounts, BadUser
from footfall.accounts.passwords import check_password


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "P@ssw0rd2026",
        "qwertyuiop",
        "1234567890",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "Summer2026!",
        "administrator",
        "iloveyou1234",
        "footfall2026",
        "annabelle-w1",
        "x" * 1_000,
    ],
)
def test_what_is_tried_first_is_refused(password: str) -> None:
    with pytest.raises(BadUser, match="soon guessed"):
        check_password(password, "annabelle-w")


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "a long password", "anna reads reports", "vQ7#kd0s!x", "日本語のパスワード長い"],
)
def test_unusual_words_and_signs_are_taken(password: str) -> None:
    check_password(password, "anna")


def test_a_password_from_before_goes_on_and_a_new_one_is_checked(accounts: Accounts) -> None:
    with pytest.raises(BadUser, match="soon guessed"):
        accounts.add("anna", "password123")
    accounts.add("anna", "correct horse battery")
    with pytest.raises(BadUser, match="soon guessed"):
        accounts.password("anna", "password123")
    assert accounts.ensure_first(None) is None
