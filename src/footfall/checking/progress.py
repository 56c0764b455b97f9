"""How long work tells how far it is: whoever looks on hands in how that is shown."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Opens the display of one step of `length` bytes or rows; what it gives is called with each advance."""

    def __call__(self, label: str, length: int) -> AbstractContextManager[Advance]: ...


@contextlib.contextmanager
def unseen(label: str, length: int) -> Iterator[Advance]:  # noqa: ARG001 - the protocol's names
    """Progress that nobody looks at."""
    yield lambda _: None
