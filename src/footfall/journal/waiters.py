"""Who waits for a commit, and what they hear of it."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from footfall.journal.frames import EncodedLines

# Gets None when the lines are on disk, and otherwise the reason why none is.
Done = Callable[[BaseException | None], object]


class Waiter(Struct, frozen=True, gc=False):
    """Lines that are to be on disk, their bytes, and whom to tell."""

    lines: EncodedLines
    size: int
    done: Done


class LastCommit(NamedTuple):
    """A commit: when the first of its waiters came, when it was on disk (monotonic seconds), and its segment's stem."""

    began_s: float
    synced_s: float
    segment: str


def settle_commit(
    done: asyncio.Future[LastCommit], find_commit: Callable[[], LastCommit], error: BaseException | None
) -> None:
    """Give a future the commit that it waited for, or the reason, unless whoever waited is gone."""
    if done.done():
        return
    if error is None:
        done.set_result(find_commit())
    else:
        done.set_exception(error)
