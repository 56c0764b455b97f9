import asyncio
import base64
from typing import Any

import pytest

from footfall.accounts import Unauthenticated
from footfall.accounts.failures import PAIRS_MAX, Failures
from footfall.errors import Code, RequestRefused

PAIR = ("alice", "192.0.2.1")


def wait_s(failures: Failures, pair: tuple[str, str] = PAIR) -> int | None:
    """How long the pair has to wait; None when it need not."""
    try:
        failures.check(pair)
    except RequestRefused as refused:
        return refused.retry_after_s
    return None


def test_so_many_tries_are_made_and_no_more(clock: Any) -> None:
    failures = Failures(3, clock)
    for _ in range(3):
        assert wait_s(failures) is None
        failures.reserve(PAIR)
    for look in (failures.check, failures.reserve):
        with pytest.raises(RequestRefused) as refused:
            look(PAIR)
        assert (refused.value.code, refused.value.retry_after_s) == (Code.REQUEST_RATE_LIMITED, 60)


def test_a_try_that_did_not_fail_is_given_back(clock: Any) -> None:
    failures = Failures(2, clock)
    for _ in range(10):
        failures.give_back(PAIR, failures.reserve(PAIR))
        clock.ms += 1
    assert not failures._pairs
    failures.reserve(PAIR)
    failures.give_back(PAIR, failures.reserve(PAIR))
    assert wait_s(failures) is None
    failures.reserve(PAIR)
    assert wait_s(failures) == 60


@pytest.mark.parametrize(("passed_ms", "expected"), [(0, 60), (1, 60), (1_000, 59), (59_999, 1), (60_000, None)])
def test_the_wait_is_the_rest_of_the_window(clock: Any, passed_ms: int, expected: int | None) -> None:
    failures = Failures(1, clock)
    failures.reserve(PAIR)
    clock.ms += passed_ms
    assert wait_s(failures) == expected


def test_the_window_slides(clock: Any) -> None:
    failures = Failures(3, clock)
    for _ in range(3):
        failures.reserve(PAIR)
        clock.ms += 20_000
    assert wait_s(failures) is None
    failures.reserve(PAIR)
    assert wait_s(failures) == 20


def test_another_user_or_address_need_not_wait(clock: Any) -> None:
    failures = Failures(1, clock)
    failures.reserve(PAIR)
    assert wait_s(failures, ("bob", "192.0.2.1")) is None
    assert wait_s(failures, ("alice", "192.0.2.2")) is None


def test_memory_is_bounded(clock: Any) -> None:
    failures = Failures(1, clock)
    for number in range(PAIRS_MAX + 10):
        failures.reserve((f"user{number}", "192.0.2.1"))
    assert len(failures._pairs) == PAIRS_MAX
    assert wait_s(failures, (f"user{PAIRS_MAX + 9}", "192.0.2.1")) == 60
    clock.ms += 60_000
    failures.reserve(PAIR)
    assert len(failures._pairs) == 1


def test_bad_keys_push_no_failed_passwords_out(accounts: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("footfall.accounts.failures.PAIRS_MAX", 5)
    accounts.add("alice", PASSWORD)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            sign_in(accounts, "alice", "wrong password")
    for number in range(10):
        with pytest.raises(Unauthenticated):
            asyncio.run(accounts.authenticate(f"Bearer footfall_{number:010}_{'A' * 43}", HOME))
    with pytest.raises(RequestRefused):
        sign_in(accounts, "alice", "wrong password")


PASSWORD, HOME = "open sesame: please", "192.0.2.1"


def sign_in(accounts: Any, user_id: str, password: str) -> None:
    authorization = "Basic " + base64.b64encode(f"{user_id}:{password}".encode()).decode()
    asyncio.run(accounts.authenticate(authorization, HOME))


def test_failures_and_the_lock_that_follows_are_logged_without_secrets(accounts: Any, caplog: Any) -> None:
    accounts.add("alice", PASSWORD)
    for user_id in ("alice", "a password typed as a name"):
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                sign_in(accounts, user_id, "wrong password")
        for _ in range(3):
            with pytest.raises(RequestRefused):
                sign_in(accounts, user_id, "wrong password")
    assert caplog.messages == [
        line
        for who in ("user 'alice'", "an unknown user")
        for line in (
            *[f"a sign-in of {who} from {HOME} failed"] * 3,
            f"sign-ins of {who} from {HOME} are refused for up to a minute: too many failed",
        )
    ]
