"""The receipts service of the API: it searches this node's journal, then the store."""

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
from footfall.receipts.receipt import AcceptedEvent, Evidence, HeldRecord, Original, Receipt
from footfall.settings import Settings
from footfall.state import User
from footfall.store import Store, StoreFailed, StoreRejected, StoreTimeout, StoreUnavailable, query, refuse_rejected
from footfall.system.executor import BoundedExecutor
from footfall.wire import Standing

log = logging.getLogger(__name__)

# Seconds after which a store that is away may be back.
RETRY_AFTER_S = 5

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Line(Struct):
    """The fields of a segment's line, of events or of quarantine, that a receipt needs."""

    batch: str
    sequence: int
    customer: str
    received: int = 0
    admitted: int = 0
    state: Standing = Standing.HELD
    held_since: int = 0
    code: str = ""
    reason: str = ""


_decode = msgspec.json.Decoder(_Line).decode


def search_journal(batch: str, journal: Folder, aside: Path, bytes_max: int) -> Evidence:
    """The events of a batch in the segments of the journal, open and sealed, and in those that were set aside. Blocks.

    Acknowledged events are there until the store has them, or for ever when it cannot take them. The search begins
    with the newest segment and ends after `bytes_max` bytes of files. Raises OSError.
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
    # Listed last, because a segment may have been moved there meanwhile.
    if aside.is_dir():
        yield from (aside / name for name in reversed(Folder(aside).names()))


def _read(path: Path, bytes_max: int) -> bytes | None:
    """A segment's bytes, also when it was sealed meanwhile; None when it has more than `bytes_max`.

    No bytes when the segment is gone: it was loaded.
    """
    for name in (path, sealed_name(path)):
        try:
            return name.read_bytes() if name.stat().st_size <= bytes_max else None
        except FileNotFoundError:
            continue
    return b""


def _gather(lines: bytes, batch: str, kind: SegmentKind, found: Evidence) -> None:
    wanted = batch.encode()
    # Searching for the bytes of the batch is ten times faster than parsing every line.
    for text in lines.split(b"\n") if wanted in lines else ():
        line = _decode(text) if wanted in text else None
        if line is None or line.batch != batch:
            continue
        if kind is SegmentKind.EVENTS:
            found.journaled.append(AcceptedEvent(line.sequence, line.customer, line.received, line.admitted))
        else:
            received = line.held_since or line.received
            found.held.append(HeldRecord(line.sequence, line.customer, received, line.state, line.code, line.reason))


class Receipts:
    """Finds the receipts of requests; `close` ends its threads."""

    def __init__(self, journal: Folder, store: Store, settings: Settings) -> None:
        self._journal = journal
        self._store = store
        self._settings = settings
        waiting = settings.calls_waiting_max, settings.calls_waiting_each_max
        self._executor = BoundedExecutor("receipt", settings.receipts_at_once_max, *waiting)

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._executor.waiting

    def close(self) -> None:
        self._executor.close()

    async def find(self, user: User, batch: str) -> Receipt:
        """The receipt of a request, with the events that this user may see.

        Raises RequestRefused when the name is not a UUID, when no events of the batch were found that the user may see,
        which is one answer for both, and when the search could not look everywhere.
        """
        batch = batch.lower()
        if not _UUID.fullmatch(batch):
            raise _bad_batch()
        found = await self._executor.run(partial(self._search, batch), user.account)
        visible = {customer for customer in receipt.customers_of(found) if may_see(user, customer)}
        written = receipt.make_receipt(batch, found, visible)
        if written.events:
            return written
        if not found.complete:
            text = "the request may have been received, but not everything can be looked through now"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
        raise RequestRefused(Code.EVENT_BATCH_NOT_FOUND, "no events of this batch were received")

    def _search(self, batch: str) -> Evidence:
        """First the journal, then the store: an event that leaves the journal in between is in the store by then."""
        bytes_max = self._settings.receipt_journal_bytes_max
        found = search_journal(batch, self._journal, self._settings.data / "aside", bytes_max)
        try:
            self._search_store(batch, found)
        except StoreRejected as error:
            raise refuse_rejected("the receipt cannot be made", error) from error
        except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
            # A store without tables fails too: the first worker makes them.
            log.warning("a receipt does without the store: %s", error)
            found.complete = False
        return found

    def _search_store(self, batch: str, found: Evidence) -> None:
        wanted = {"batch": batch}
        limit = {"max_execution_time": self._settings.receipt_timeout_s}
        found.stored = [AcceptedEvent(*row) for row in self._store.rows(query("receipt_events"), wanted, limit)]
        for sequence, customer, received, state, code, reason in self._store.rows(
            query("receipt_quarantine"), wanted, limit
        ):
            found.held.append(HeldRecord(sequence, customer, received, Standing(state), code, reason))
        if found.stored:
            for sequences, first in self._store.rows(query("receipt_duplicates"), wanted, limit):
                found.originals |= dict.fromkeys(sequences, Original(*first))


def _bad_batch() -> RequestRefused:
    problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "batch", "must be a UUID, as an answer of POST /events has it")
    return RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the batch cannot be read", (problem,))
