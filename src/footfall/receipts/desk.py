"""The desk that the API asks for receipts."""

import logging
import re
from functools import partial

from footfall.accounts import may_see
from footfall.errors import Code, Problem, RequestRefused
from footfall.journal import Folder
from footfall.lane import Lane
from footfall.receipts import receipt
from footfall.receipts.receipt import Event, Found, Held, Original, Receipt
from footfall.receipts.search import search
from footfall.settings import Settings
from footfall.state import User
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query

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
        self._lane = Lane("receipt", settings.receipts_at_once_max, *waiting)

    def close(self) -> None:
        self._lane.close()

    async def find(self, user: User, batch: str) -> Receipt:
        """The receipt of a request, with those of its events that are this user's to see.

        Raises RequestRefused: what was asked for can be no batch, there is none of that name, or none of its events is
        theirs, which is the same answer; or it may be there, and cannot be found now.
        """
        batch = batch.lower()
        if not _UUID.fullmatch(batch):
            raise _no_batch_name()
        found = await self._lane.run(partial(self._look, batch), user.account)
        visible = {customer for customer in receipt.customers(found) if may_see(user, customer)}
        written = receipt.write(batch, found, visible)
        if written.events:
            return written
        if not found.complete:
            text = "the request may have been received, but not everything can be looked through now"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)
        raise RequestRefused(Code.EVENT_BATCH_NOT_FOUND, "no events of this batch were received")

    def _look(self, batch: str) -> Found:
        """First in the journal, then in the store: what leaves the first in between is in the second by then."""
        bytes_max = self._settings.receipt_journal_bytes_max
        found = search(batch, self._journal, self._settings.data / "aside", bytes_max)
        try:
            self._ask(batch, found)
        except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
            # Before a worker has made its tables, a store that is there fails too.
            log.warning("a receipt does without the store: %s", error)
            found.complete = False
        return found

    def _ask(self, batch: str, found: Found) -> None:
        wanted = {"batch": batch}
        limit = {"max_execution_time": self._settings.receipt_timeout_s}
        found.stored = [Event(*row) for row in self._store.rows(query("receipt_events"), wanted, limit)]
        found.held += [Held(*row) for row in self._store.rows(query("receipt_quarantine"), wanted, limit)]
        if found.stored:
            for sequences, first in self._store.rows(query("receipt_duplicates"), wanted, limit):
                found.originals |= dict.fromkeys(sequences, Original(*first))


def _no_batch_name() -> RequestRefused:
    problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "batch", "must be a UUID, as an answer of POST /events has it")
    return RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "the batch cannot be read", (problem,))
