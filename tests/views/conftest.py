"""Views and links on a real state, with a clock that is turned."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from states import state_url

from footfall.errors import RequestRefused
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.state import State, User
from footfall.store import Store
from footfall.usage import Usage
from footfall.views import Shares, ShownShare, ShownView, Views

NOW_MS = 1_760_000_000_000
PARAMETERS = {"customer": "C", "product": ["P"], "by": "type"}


class Clock:
    ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


class Place:
    """Ann and Bob, who see the customer C, Cleo, who sees D, and an admin."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, **changes: Any) -> None:
        settings = Settings(data_dir=str(folder), shares_allowed=True, **changes)
        self.clock = Clock()
        self.state = stack.enter_context(contextlib.closing(State(state_url(folder))))
        self.state.migrate()
        store = stack.enter_context(contextlib.closing(Store(settings)))
        plan = LivePlan(None, settings)
        usage = stack.enter_context(contextlib.closing(Usage(self.state, store, settings, self.clock, plan)))
        self.views = Views(self.state, settings, self.clock, usage)
        self.shares = Shares(self.state, settings, self.clock, usage, self.views)
        self.ann, self.bob = self._user("ann", "C"), self._user("bob", "C")
        self.cleo, self.root = self._user("cleo", "D"), self._user("root", admin=True)

    def _user(self, name: str, *customers: str, admin: bool = False) -> User:
        user = User(id=name, password_hash="", customers=customers, admin=admin, created_ms=0)
        self.state.users.add(user)
        return user

    def save(self, user: User, name: str = "mine", **given: Any) -> ShownView:
        body = {"name": name, "call": "counts", "parameters": PARAMETERS, **given}
        return self.views.save(user, json.dumps(body).encode())

    def share(self, user: User, **given: Any) -> ShownShare:
        wanted = given if "view" in given else {"call": "counts", "parameters": PARAMETERS, **given}
        return self.shares.add(user, json.dumps(wanted).encode(), "https://events.example.com")


@pytest.fixture
def open_place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    with contextlib.ExitStack() as stack:
        yield lambda **changes: Place(tmp_path, stack, **changes)


@pytest.fixture
def place(open_place: Callable[..., Place]) -> Place:
    return open_place()


@pytest.fixture
def refused() -> Callable[..., RequestRefused]:
    """What a call refuses with."""

    def call(work: Callable[..., Any], *given: Any, **named: Any) -> RequestRefused:
        with pytest.raises(RequestRefused) as caught:
            work(*given, **named)
        return caught.value

    return call
