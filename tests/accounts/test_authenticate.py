import asyncio
import base64
import logging
from collections.abc import Coroutine
from contextlib import closing
from typing import Any, TypeVar

import pytest
from argon2 import PasswordHasher, extract_parameters

from footfall.accounts import Accounts, Unauthenticated
from footfall.accounts.credentials import Credentials
from footfall.accounts.passwords import Hashing
from footfall.errors import Code, RequestRefused
from footfall.settings import Settings
from footfall.state import State, User

PASSWORD = "open sesame: please"
HOME, AWAY = "192.0.2.1", "2001:db8::1"

Answer = TypeVar("Answer")


def basic(user_id: str = "alice", password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{user_id}:{password}".encode()).decode()


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run with a limit, so that a wait that never ends fails."""
    return asyncio.run(asyncio.wait_for(work, 120))


def sign_in(accounts: Accounts, user_id: str = "alice", password: str = PASSWORD, address: str = HOME) -> User | None:
    """The user who signed in; None when refused for the credentials."""
    try:
        return run(accounts.authenticate(basic(user_id, password), address))
    except Unauthenticated:
        return None


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_the_right_password_signs_in(accounts: Accounts, state: State) -> None:
    accounts.add("alice", PASSWORD, context="barchart.com", permissions="all", customers=("TGAM",))
    assert sign_in(accounts) == state.users.get("alice")


def test_accents_may_be_written_either_way(accounts: Accounts) -> None:
    accounts.add("Zo\u00eb", "caf\u00e9 au lait")
    assert sign_in(accounts, "Zoe\u0308", "cafe\u0301 au lait")


@pytest.mark.parametrize(
    ("user_id", "password"), [("alice", "wrong password"), ("alice", ""), ("Alice", PASSWORD), ("bob", PASSWORD)]
)
def test_wrong_credentials_cost_one_hash(accounts: Accounts, hasher: Any, user_id: str, password: str) -> None:
    accounts.add("alice", PASSWORD)
    assert sign_in(accounts, user_id, password) is None
    assert hasher.verified == 1


@pytest.mark.parametrize("header", [None, "", "Bearer x", "Basic !", "Basic " + "A" * 100_000])
def test_a_malformed_header_costs_no_hash(accounts: Accounts, hasher: Any, header: str | None) -> None:
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            run(accounts.authenticate(header, HOME))
    assert hasher.verified == 0


def test_the_dummy_hash_costs_what_others_cost() -> None:
    hasher = PasswordHasher(time_cost=2, memory_cost=64, parallelism=2, hash_len=20, salt_len=12)
    with closing(Hashing(1, 1, hasher)) as hashing:
        assert extract_parameters(hashing._dummy_hash) == extract_parameters(hasher.hash("x"))
        assert hashing.verify(None, "x") is False


def test_hashes_have_the_parameters_that_the_library_recommends(state: State, clock: Any) -> None:
    with closing(Accounts(state, Settings(), clock)) as accounts:
        accounts.add("alice", PASSWORD)
        (user,) = accounts.list()
        assert user.password_hash.startswith("$argon2id$")
        assert not PasswordHasher().check_needs_rehash(user.password_hash)
        assert sign_in(accounts) == user


def test_a_verified_password_is_remembered_for_a_time_from_its_last_use(
    accounts: Accounts, hasher: Any, clock: Any
) -> None:
    accounts.add("alice", PASSWORD)
    for later_ms, hashes in ((0, 1), (59_999, 1), (59_999, 1), (59_999, 1), (60_000, 2), (59_999, 2)):
        clock.ms += later_ms
        assert sign_in(accounts)
        assert hasher.verified == hashes
    assert sign_in(accounts, password="something else") is None


def test_few_passwords_are_remembered(accounts: Accounts, hasher: Any) -> None:
    for user_id in ("a", "b", "c"):
        accounts.add(user_id, PASSWORD)
        assert sign_in(accounts, user_id)
    assert sign_in(accounts, "c")
    assert sign_in(accounts, "b")
    assert hasher.verified == 3
    assert sign_in(accounts, "a")
    assert hasher.verified == 4


def test_a_new_password_works_at_once_and_the_old_no_more(accounts: Accounts) -> None:
    accounts.add("alice", PASSWORD)
    assert sign_in(accounts)
    assert accounts.password("alice", "another password")
    assert sign_in(accounts) is None
    assert sign_in(accounts, password="another password")


def test_a_removed_user_is_out_at_once(accounts: Accounts) -> None:
    accounts.add("alice", PASSWORD)
    assert sign_in(accounts)
    assert accounts.remove("alice")
    assert sign_in(accounts) is None


def test_a_user_added_again_does_not_have_the_old_password(accounts: Accounts) -> None:
    accounts.add("alice", PASSWORD)
    assert sign_in(accounts)
    accounts.remove("alice")
    accounts.add("alice", "another password")
    assert sign_in(accounts) is None


def test_too_many_failures_are_told_to_wait(accounts: Accounts, clock: Any, hasher: Any) -> None:
    accounts.add("alice", PASSWORD)
    assert sign_in(accounts, address=AWAY)
    for _ in range(3):
        assert sign_in(accounts, password="wrong password") is None
    hashes = hasher.verified
    for password in ("wrong password", PASSWORD):
        with pytest.raises(RequestRefused) as refused:
            sign_in(accounts, password=password)
        assert (refused.value.code, refused.value.retry_after_s) == (Code.REQUEST_RATE_LIMITED, 60)
    assert sign_in(accounts, address=AWAY)
    assert hasher.verified == hashes
    clock.ms += 60_000
    assert sign_in(accounts)


def test_failures_of_unknown_users_count_too(accounts: Accounts) -> None:
    for _ in range(3):
        assert sign_in(accounts, "nobody") is None
    with pytest.raises(RequestRefused, match="too many failed sign-ins"):
        sign_in(accounts, "nobody")


def test_guesses_sent_at_the_same_time_do_not_slip_through(accounts: Accounts, hasher: Any) -> None:
    accounts.add("alice", PASSWORD)

    async def guess() -> list[object]:
        guesses = [accounts.authenticate(basic(password=f"guess {number}"), HOME) for number in range(40)]
        return list(await asyncio.gather(*guesses, return_exceptions=True))

    answers = run(guess())
    assert sum(isinstance(answer, Unauthenticated) for answer in answers) == 3
    assert sum(isinstance(answer, RequestRefused) for answer in answers) == 37
    assert hasher.verified == 3


def test_waiting_for_a_hash_is_bounded(accounts: Accounts, hasher: Any) -> None:
    accounts.add("alice", PASSWORD)
    hasher.may_go_on.clear()

    async def crowd() -> list[User]:
        waiting = [asyncio.create_task(accounts.authenticate(basic(), HOME)) for _ in range(101)]
        await until(lambda: hasher.running == 1)
        with pytest.raises(RequestRefused) as refused:
            await accounts.authenticate(basic(), HOME)
        assert (refused.value.code, refused.value.retry_after_s) == (Code.SERVICE_UNAVAILABLE, 1)
        hasher.may_go_on.set()
        return await asyncio.gather(*waiting)

    assert len(run(crowd())) == 101
    # The hundred who waited had the same credentials as the first, and needed no hash of their own.
    assert hasher.verified == 1
    assert sign_in(accounts, address=AWAY)


def test_a_flood_of_wrong_passwords_keeps_nobody_out(accounts: Accounts, hasher: Any, clock: Any) -> None:
    accounts.add("alice", PASSWORD)
    accounts.add("bob", PASSWORD)
    assert sign_in(accounts)
    # As long as a client goes on, it needs no other hash.
    for _ in range(3):
        clock.ms += 50_000
        assert sign_in(accounts)
    hasher.may_go_on.clear()

    async def flood() -> None:
        wrong = [asyncio.create_task(accounts.authenticate(basic(f"user{n}", "wrong"), HOME)) for n in range(110)]
        await until(lambda: hasher.running == 1)
        # From the very address that the flood comes from.
        assert (await accounts.authenticate(basic(), HOME)).id == "alice"
        newcomer = asyncio.create_task(accounts.authenticate(basic("bob"), AWAY))
        await asyncio.sleep(0)
        hasher.may_go_on.set()
        assert (await newcomer).id == "bob"
        # Behind the one that was at work, and one of the flood's.
        assert hasher.verified <= 5
        await asyncio.gather(*wrong, return_exceptions=True)

    run(flood())


def test_past_the_limit_a_right_guess_is_refused_as_a_wrong_one_also_while_its_user_is_at_work(
    accounts: Accounts,
) -> None:
    accounts.add("alice", PASSWORD)
    assert sign_in(accounts, address=HOME)
    for _ in range(3):
        assert sign_in(accounts, password="wrong password", address=AWAY) is None
    for password in ("wrong password", PASSWORD):
        with pytest.raises(RequestRefused):
            sign_in(accounts, password=password, address=AWAY)
    assert sign_in(accounts, address=HOME)


def test_guesses_past_the_limit_cost_no_look_at_the_state(accounts: Accounts, state: State, monkeypatch: Any) -> None:
    for _ in range(3):
        assert sign_in(accounts) is None
    monkeypatch.setattr(state.users, "get", lambda _: pytest.fail("the state was asked"))
    with pytest.raises(RequestRefused):
        sign_in(accounts)


@pytest.mark.parametrize(
    ("tried", "again", "refused"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("no address", "no address", True),
    ],
)
def test_addresses_of_one_network_count_together(accounts: Accounts, tried: str, again: str, refused: bool) -> None:
    for _ in range(3):
        assert sign_in(accounts, "nobody", address=tried) is None
    if refused:
        with pytest.raises(RequestRefused):
            sign_in(accounts, "nobody", address=again)
    else:
        assert sign_in(accounts, "nobody", address=again) is None


def test_right_passwords_are_no_failures(accounts: Accounts, clock: Any) -> None:
    accounts.add("alice", PASSWORD)
    for _ in range(10):
        assert sign_in(accounts)
        clock.ms += 1
        accounts._verified._entries.clear()
    assert not accounts._failures._pairs


def test_a_broken_hash_is_no_failure_of_the_password(accounts: Accounts, state: State) -> None:
    state.users.add(User(id="alice", password_hash="plain text by mistake", created_ms=0))
    for _ in range(5):
        assert sign_in(accounts) is None


def test_who_goes_away_does_not_let_in_another_hash(accounts: Accounts, hasher: Any) -> None:
    accounts.add("alice", PASSWORD)
    hasher.may_go_on.clear()

    async def leave_and_come() -> None:
        for number in range(20):
            leaving = asyncio.create_task(accounts.authenticate(basic(), str(number)))
            await asyncio.sleep(0.005)
            leaving.cancel()
            await asyncio.wait([leaving])
        await until(lambda: hasher.running == 1)
        staying = asyncio.create_task(accounts.authenticate(basic(), HOME))
        await asyncio.sleep(0)
        hasher.may_go_on.set()
        await staying

    run(leave_and_come())
    assert hasher.running_most == 1


def test_hashes_at_once_are_bounded(state: State, clock: Any, hasher: Any) -> None:
    settings = Settings(password_hashes_at_once_max=2)
    with closing(Accounts(state, settings, clock, hasher)) as accounts:

        async def crowd() -> None:
            hasher.may_go_on.clear()
            crowd = [asyncio.create_task(accounts.authenticate(basic(f"user{number}"), HOME)) for number in range(8)]
            await until(lambda: hasher.running == 2)
            hasher.may_go_on.set()
            await asyncio.wait(crowd)
            assert all(isinstance(each.exception(), Unauthenticated) for each in crowd)

        run(crowd())
    assert (hasher.running_most, hasher.verified) == (2, 8)


def test_an_outdated_hash_is_made_again_on_sign_in(accounts: Accounts, state: State, hasher: Any) -> None:
    outdated = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    before = User(id="alice", password_hash=outdated, created_ms=0)
    state.users.add(before)
    assert sign_in(accounts, password="wrong password") is None
    assert state.users.get("alice") == before
    assert sign_in(accounts)
    renewed = state.users.get("alice")
    assert renewed is not None
    assert renewed.security_stamp == before.security_stamp
    assert not hasher.check_needs_rehash(renewed.password_hash)
    assert sign_in(accounts)
    assert hasher.verified == 2


def test_a_password_changed_meanwhile_is_not_undone(accounts: Accounts, state: State) -> None:
    outdated = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    before = User(id="alice", password_hash=outdated, created_ms=0)
    state.users.add(before)
    accounts.password("alice", "another password")
    assert accounts._renew(before, Credentials("alice", PASSWORD)) == outdated
    assert sign_in(accounts) is None
    assert sign_in(accounts, password="another password")


def test_a_broken_hash_signs_nobody_in_and_is_logged(
    accounts: Accounts, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    state.users.add(User(id="alice", password_hash="plain text by mistake", created_ms=0))
    assert sign_in(accounts, password="plain text by mistake") is None
    assert "password hash of user 'alice' cannot be read" in caplog.text
    assert "plain text" not in caplog.text


def test_no_secret_is_logged(accounts: Accounts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    accounts.add("alice", PASSWORD)
    (user,) = accounts.list()
    sign_in(accounts)
    sign_in(accounts, password="wrong password")
    text = caplog.text + repr(user) + str(user) + f"{user}" + repr(accounts.list())
    assert not any(secret in text for secret in (PASSWORD, "wrong password", "argon2", basic()))
