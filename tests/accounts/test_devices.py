"""Lock-outs that do not reach a browser in which the user signed in before."""

from typing import Any

import pytest

from footfall.accounts import Accounts, Unauthenticated
from footfall.errors import RequestRefused

PASSWORD = "open sesame: please"
OFFICE = "192.0.2.1"


async def guess(accounts: Accounts, mark: str = "", user_id: str = "anna") -> None:
    with pytest.raises(Unauthenticated):
        await accounts.check(user_id, "wrong password", OFFICE, mark=mark)


@pytest.fixture
def mark(accounts: Accounts) -> str:
    accounts.add("anna", PASSWORD)
    accounts.add("zoe", PASSWORD)
    anna = accounts.get("anna")
    assert anna
    return accounts.devices.mark(anna)


async def test_a_guesser_in_the_same_network_does_not_lock_a_known_browser_out(accounts: Accounts, mark: str) -> None:
    for _ in range(3):
        await guess(accounts)
    with pytest.raises(RequestRefused):
        await accounts.check("anna", PASSWORD, OFFICE)
    assert await accounts.check("anna", PASSWORD, OFFICE, mark=mark)


async def test_a_mark_is_bounded_itself_and_by_itself(accounts: Accounts, mark: str) -> None:
    for _ in range(3):
        await guess(accounts, mark)
    with pytest.raises(RequestRefused):
        await accounts.check("anna", PASSWORD, OFFICE, mark=mark)
    assert await accounts.check("anna", PASSWORD, OFFICE)


async def test_a_mark_is_worth_nothing_for_others_or_when_it_was_changed(
    accounts: Accounts, mark: str, clock: Any
) -> None:
    for number, (user_id, given) in enumerate((("zoe", mark), ("anna", mark[:-1] + "x"), ("anna", "x" * 97))):
        clock.ms += 60_000 * number
        for _ in range(3):
            await guess(accounts, user_id=user_id)
        with pytest.raises(RequestRefused):
            await accounts.check(user_id, PASSWORD, OFFICE, mark=given)


def test_a_mark_tells_nothing_of_its_user_and_names_nobody_who_is_not_there(accounts: Accounts, mark: str) -> None:
    anna = accounts.get("anna")
    assert anna
    assert anna.account not in mark
    assert "anna" not in mark
    assert accounts.devices.place(mark, "anna")
    assert accounts.devices.place(mark, "nobody") is None
    assert accounts.devices.mark(anna) != mark
