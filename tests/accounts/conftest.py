"""What the tests of accounts share: a state in a file, a clock that they turn, and a hasher that costs little."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from states import state_url

from footfall.accounts import Accounts
from footfall.settings import Settings
from footfall.state import State


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.ms


class CheapHasher(PasswordHasher):
    """Real argon2id with the least cost; counts what it verifies, and can be told to wait while it does."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verified = 0
        self.running = 0
        self.running_most = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self._lock = threading.Lock()

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002 - the library's name
        with self._lock:
            self.verified += 1
            self.running += 1
            self.running_most = max(self.running_most, self.running)
        try:
            assert self.may_go_on.wait(60)
            return super().verify(hash, password)
        finally:
            with self._lock:
                self.running -= 1


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with closing(State(state_url(tmp_path))) as state:
        state.migrate()
        yield state


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def hasher() -> CheapHasher:
    return CheapHasher()


@pytest.fixture
def accounts(state: State, clock: TurnedClock, hasher: CheapHasher) -> Iterator[Accounts]:
    settings = Settings(login_failures_max=3, password_hashes_at_once_max=1, credential_cache_max=2)
    with closing(Accounts(state, settings, clock, hasher)) as accounts:
        yield accounts
