"""Receipts: the service that the API asks, and its search of this node's journal."""

import logging
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from footfall.accounts import may_see
from footfall.errors import Code, Problem, RequestRefused
from footfall.journal import Folder, Frame, SegmentKind, kind_of, sealed_name, walk
from footfall.receipts import receipt
from footfall.receipts.receipt import HELD, AcceptedEvent, Evidence, HeldRecord, Original, Receipt
from footfall.settings import Settings
from footfall.state import User
from footfall.store import Store, StoreFailed, StoreRejected, StoreTimeout, StoreUnavailable, query, refuse_rejected
from footfall.system.executor import BoundedExecutor

# The look into this node's files: what has been acknowledged and is not in the store yet, or never can be.


class _Line(Struct):
    """What a receipt needs of a line of a segment, of either kind."""

    batch: str
    sequence: int
    customer: str
    received: int = 0
    admitted: int = 0
    state: str = HELD
    held_since: int = 0
    code: str = ""
    reason: str = ""


_decode = msgspec.json.Decoder(_Line).decode


def search_journal(batch: str, journal: Folder, aside: Path, bytes_max: int) -> Evidence:
    """What the journal's segments, open and sealed, and those that were set aside have of a batch. Blocks.

    The newest come first, and the look ends after `bytes_max` bytes of files. A frame that is being written may be
    found or not. Raises OSError.
    """
    found = Evidence()
    left = bytes_max
    for path in _segments(journal, aside):
        data = _read(path, left)
        if data is None:
            found.complete = False
            break
        left -= len(data)
        for part in walk(data):
            if isinstance(part, Frame):
                _gather(part.lines, batch, kind_of(path), found)
    return found


def _segments(journal: Folder, aside: Path) -> Iterator[Path]:
    yield from (journal.path / name for name in reversed(journal.names()))
    # Listed only now, because a segment may have been moved there meanwhile.
    if aside.is_dir():
        yield from (aside / name for name in reversed(Folder(aside).names()))


def _read(path: Path, bytes_max: int) -> bytes | None:
    """A segment's bytes, those of its sealed file if it was sealed meanwhile; None when they are too many.

    One that is gone has been loaded, and has none.
    """
    for name in (path, sealed_name(path)):
        try:
            return name.read_bytes() if name.stat().st_size <= bytes_max else None
        except FileNotFoundError:
            continue
    return b""


def _gather(lines: bytes, batch: str, kind: SegmentKind, found: Evidence) -> None:
    wanted = batch.encode()
    # Looking for its bytes is ten times quicker than parsing what is not wanted.
    for text in lines.split(b"\n") if wanted in lines else ():
        line = _decode(text) if wanted in text else None
        if line is None or line.batch != batch:
            continue
        if kind is SegmentKind.EVENTS:
            found.journaled.append(AcceptedEvent(line.sequence, line.customer, line.received, line.admitted))
        else:
            received = line.held_since or line.received
            found.held.append(HeldRecord(line.sequence, line.customer, received, line.state, line.code, line.reason))


# The desk that the API asks for receipts.


log = logging.getLogger(__name__)

# Seconds after which a store that is away may be back.
RETRY_AFTER_S = 5

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Receipts:
    """Finds what became of a request's events; `close` ends its threads."""

    def __init__(self, journal: Folder, store: Store, settings: Settings) -> None:
        self._journal = journal
        self._store = store
        self._settings = settings
        waiting = settings.calls_waiting_max, settings.calls_waiting_each_max
        self._executor = BoundedExecutor("receipt", settings.receipts_at_once_max, *waiting)

    def close(self) -> None:
        self._executor.close()

    async def find(self, user: User, batch: str) -> Receipt:
        """The receipt of a request, with those of its events that are this user's to see.

        Raises RequestRefused: what was asked for can be no batch, there is none of that name, or none of its events is
        theirs, which is the same answer; or it may be there, and cannot be found now.
        """
        batch = batch.lower()
        if not _UUID.fullmatch(batch):
            raise _no_batch_name()
        found = await self._executor.run(partial(self._look, batch), user.account)
        visible = {customer for customer in receipt.customers(found) if may_see(user, customer)}
        written = receipt.encode_receipt(batch, found, visible)
        if written.events:
            return written
        if not found.complete:
            text = "the request may have been received, but not everything can be looked through now"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
        raise RequestRefused(Code.EVENT_BATCH_NOT_FOUND, "no events of this batch were received")

    def _look(self, batch: str) -> Evidence:
        """First in the journal, then in the store: what leaves the first in between is in the second by then."""
        bytes_max = self._settings.receipt_journal_bytes_max
        found = search_journal(batch, self._journal, self._settings.data / "aside", bytes_max)
        try:
            self._ask(batch, found)
        except StoreRejected as error:
            raise refuse_rejected("the receipt cannot be made", error) from error
        except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
            # Before a worker has made its tables, a store that is there fails too.
            log.warning("a receipt does without the store: %s", error)
            found.complete = False
        return found

    def _ask(self, batch: str, found: Evidence) -> None:
        wanted = {"batch": batch}
        limit = {"max_execution_time": self._settings.receipt_timeout_s}
        found.stored = [AcceptedEvent(*row) for row in self._store.rows(query("receipt_events"), wanted, limit)]
        found.held += [HeldRecord(*row) for row in self._store.rows(query("receipt_quarantine"), wanted, limit)]
        if found.stored:
            for sequences, first in self._store.rows(query("receipt_duplicates"), wanted, limit):
                found.originals |= dict.fromkeys(sequences, Original(*first))


def _no_batch_name() -> RequestRefused:
    problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "batch", "must be a UUID, as an answer of POST /events has it")
    return RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the batch cannot be read", (problem,))
