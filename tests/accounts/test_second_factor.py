"""A code beside the password: who gets in with it, once each, and who cannot be kept out."""

import base64
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from footfall.accounts import Accounts, Unauthenticated, WantedKey, totp
from footfall.accounts.second_factor import WRONG_CODES_MAX
from footfall.state import State, User

PASSWORD = "open sesame: please"
HEADER = "Basic " + base64.b64encode(f"anna:{PASSWORD}".encode()).decode()


class Factor:
    """Anna, who needs a code, and an app that shows them."""

    def __init__(self, accounts: Accounts, clock: Any) -> None:
        accounts.add("anna", PASSWORD)
        self.accounts, self.clock, self.calls = accounts, clock, 0
        begun = accounts.factors.begin(self.user)
        assert begun
        self.secret = begun.secret
        recovery = accounts.factors.confirm(self.user, self.code)
        assert recovery
        self.recovery = recovery
        clock.ms += 60_000

    @property
    def user(self) -> User:
        user = self.accounts.get("anna")
        assert user
        return user

    @property
    def code(self) -> str:
        return totp.make_code(self.secret, self.clock.ms // 30_000)

    async def signs_in(self, code: str, address: str = "", header: str = HEADER) -> bool:
        """Whether the code lets in; from an address of its own, unless one is given."""
        self.calls += 1
        try:
            user = await self.accounts.authenticate(header, address or f"192.0.2.{self.calls}", code)
        except Unauthenticated:
            return False
        return user.id == "anna"


@pytest.fixture
def factor(accounts: Accounts, clock: Any) -> Factor:
    return Factor(accounts, clock)


async def test_the_password_needs_a_code_and_each_code_counts_once(factor: Factor, hasher: Any) -> None:
    code = factor.code
    assert not await factor.signs_in("")
    assert await factor.signs_in(f" {code[:3]} {code[3:]} ")
    # Neither the code nor the password is remembered.
    before = hasher.verified
    assert not await factor.signs_in(code)
    assert not await factor.signs_in("")
    assert hasher.verified == before + 2
    factor.clock.ms += 30_000
    assert await factor.signs_in(factor.code)
    user = await factor.accounts.check("anna", PASSWORD, "192.0.2.1", factor.recovery[0])
    assert user.second_factor


async def test_a_code_without_the_password_is_worth_nothing_and_stays(factor: Factor) -> None:
    wrong = "Basic " + base64.b64encode(b"anna:wrong password").decode()
    assert not await factor.signs_in(factor.code, header=wrong)
    assert not await factor.signs_in(factor.recovery[0], header=wrong)
    assert await factor.signs_in(factor.recovery[0])
    assert await factor.signs_in(factor.code)


async def test_a_recovery_code_counts_once_however_it_is_written(factor: Factor) -> None:
    first, second = factor.recovery[:2]
    assert await factor.signs_in(first.lower())
    assert not await factor.signs_in(first)
    assert await factor.signs_in(second.replace("-", " "))
    assert factor.accounts.factors.left(factor.user) == 8


async def test_wrong_codes_from_many_networks_are_bounded_and_keep_nobody_out(
    factor: Factor, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(10):
        assert not await factor.signs_in("000000", f"198.51.{number}.1")
    assert "the password of user 'anna' was right, and the code beside it not" in caplog.text
    # Of further codes not even the right one is looked at, wherever it comes from.
    assert not await factor.signs_in(factor.code, "203.0.113.1")
    assert await factor.signs_in(factor.recovery[0], "203.0.113.2")
    key = factor.accounts.keys.issue(factor.user, WantedKey(name="x", scopes=("read",)))
    assert await factor.signs_in("", "203.0.113.3", f"Bearer {key.text}")
    factor.clock.ms += 3_600_000
    assert await factor.signs_in(factor.code, "203.0.113.1")


async def test_a_program_that_sends_no_code_keeps_its_user_from_none(factor: Factor) -> None:
    for number, code in enumerate(("", "12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666") * 5):
        assert not await factor.signs_in(code, f"198.51.{number}.1")
    assert await factor.signs_in(factor.code, "203.0.113.1")


def test_of_wrong_codes_at_once_no_more_are_looked_at(factor: Factor) -> None:
    factors = factor.accounts.factors
    presented = [factors.compare(factor.user, "000000") for _ in range(15)]
    # All were compared before the first was used; none is told by another answer that the password is right.
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(factors.use, presented)) == [False] * 15
    assert len(factors._wrong._pairs[factor.user.account, ""]) == WRONG_CODES_MAX


async def test_a_missing_code_costs_the_same_work_as_a_wrong_password(
    factor: Factor, hasher: Any, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    get = state.factors.get
    monkeypatch.setattr(state.factors, "get", lambda account: (asked.append(account), get(account))[1])
    work = []
    for number, name in enumerate(("anna:wrong password", f"anna:{PASSWORD}", "nobody:wrong password")):
        before = (hasher.verified, len(asked))
        header = "Basic " + base64.b64encode(name.encode()).decode()
        assert not await factor.signs_in("", f"198.51.100.{number}", header)
        work.append((hasher.verified - before[0], len(asked) - before[1]))
    assert work == [(1, 1)] * 3


async def test_a_factor_counts_only_once_it_is_confirmed(accounts: Accounts, clock: Any) -> None:
    accounts.add("anna", PASSWORD)
    anna = accounts.get("anna")
    assert anna
    first, second = accounts.factors.begin(anna), accounts.factors.begin(anna)
    assert first
    assert second
    assert await accounts.authenticate(HEADER, "192.0.2.1") == anna
    assert accounts.factors.confirm(anna, totp.make_code(first.secret, clock.ms // 30_000)) is None
    assert accounts.factors.left(anna) is None
    assert accounts.factors.confirm(anna, totp.make_code(second.secret, clock.ms // 30_000))
    # The password that was remembered before is worth nothing alone.
    with pytest.raises(Unauthenticated):
        await accounts.authenticate(HEADER, "192.0.2.1")
    assert accounts.factors.begin(anna) is None
    assert accounts.factors.remove(anna)
    assert not accounts.factors.remove(anna)
    assert await accounts.authenticate(HEADER, "192.0.2.1")


async def test_neither_secrets_nor_codes_are_in_logs_or_reprs(
    factor: Factor, caplog: pytest.LogCaptureFixture, state: State
) -> None:
    caplog.set_level(logging.DEBUG)
    code = factor.code
    await factor.signs_in("999999")
    await factor.signs_in(code)
    stored = state.factors.get(factor.user.account)
    told = caplog.text + repr(stored) + repr(factor.user) + repr(factor.accounts.factors.compare(factor.user, code))
    assert not [secret for secret in (factor.secret, code, "999999", PASSWORD, *factor.recovery) if secret in told]


def test_a_removed_user_leaves_no_factor(factor: Factor, state: State) -> None:
    account = factor.user.account
    factor.accounts.add("root", PASSWORD, admin=True)
    assert factor.accounts.remove("anna")
    assert state.factors.get(account) is None
