from typing import Any

import pytest

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


def test_as_many_failures_as_allowed_cost_nothing(clock: Any) -> None:
    failures = Failures(3, clock)
    for _ in range(3):
        failures.add(PAIR)
        assert wait_s(failures) is None
    failures.add(PAIR)
    with pytest.raises(RequestRefused) as refused:
        failures.check(PAIR)
    assert (refused.value.code, refused.value.retry_after_s) == (Code.REQUEST_RATE_LIMITED, 60)


@pytest.mark.parametrize(("passed_ms", "expected"), [(0, 60), (1, 60), (1_000, 59), (59_999, 1), (60_000, None)])
def test_the_wait_is_the_rest_of_the_window(clock: Any, passed_ms: int, expected: int | None) -> None:
    failures = Failures(0, clock)
    failures.add(PAIR)
    clock.ms += passed_ms
    assert wait_s(failures) == expected


def test_the_window_slides(clock: Any) -> None:
    failures = Failures(2, clock)
    for _ in range(3):
        failures.add(PAIR)
        clock.ms += 20_000
    assert wait_s(failures) is None
    failures.add(PAIR)
    assert wait_s(failures) == 20


def test_another_user_or_address_need_not_wait(clock: Any) -> None:
    failures = Failures(0, clock)
    failures.add(PAIR)
    assert wait_s(failures, ("bob", "192.0.2.1")) is None
    assert wait_s(failures, ("alice", "192.0.2.2")) is None


def test_memory_is_bounded(clock: Any) -> None:
    failures = Failures(0, clock)
    for number in range(PAIRS_MAX + 10):
        failures.add((f"user{number}", "192.0.2.1"))
    assert len(failures._pairs) == PAIRS_MAX
    assert wait_s(failures, (f"user{PAIRS_MAX + 9}", "192.0.2.1")) == 60
    clock.ms += 60_000
    failures.add(PAIR)
    assert len(failures._pairs) == 1
