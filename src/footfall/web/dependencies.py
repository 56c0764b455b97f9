"""What the calls work with: the services, who is signed in, and what is looked up of the node for its metrics."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp

from footfall.accounts import Accounts
from footfall.journal import Folder
from footfall.metrics import Board, Values
from footfall.quarantine import Quarantine
from footfall.receipts import Receipts
from footfall.reports import Estimates, Reports
from footfall.schedules import Schedules
from footfall.settings import Settings
from footfall.state import JobStatus, State, StateUnavailable
from footfall.system.clock import Clock
from footfall.usage import Usage
from footfall.validation import Codes
from footfall.web.forwarded import Origins
from footfall.wire import Service

# What is looked up of the node as a whole, whenever its metrics are asked for.


log = logging.getLogger(__name__)


class Gauges:
    """Everything that the node's metrics are made of; `read` blocks."""

    def __init__(self, board: Board, state: State, settings: Settings, clock: Clock) -> None:
        self._board = board
        self._state = state
        self._data = settings.data
        self._journal = Folder(settings.data / "journal")
        self._clock = clock

    def read(self) -> Values:
        """All values of now. While the state is away, its reports are missing. Raises OSError."""
        values = self._board.gather()
        now_ms = self._clock.now_ms()
        if loaded_through_s := values.get(("footfall_loaded_through_timestamp_seconds", "")):
            values["footfall_loaded_through_age_seconds", ""] = max(0, now_ms / 1000 - loaded_through_s)
        values |= self._waiting(now_ms)
        values["footfall_segments_aside", ""] = _count(self._data / "aside")
        values["footfall_disk_free_bytes", ""] = self._journal.disk.free_bytes(self._data)
        return values | self._reports()

    def _waiting(self, now_ms: int) -> Values:
        names = self._journal.names()
        oldest_ms = int(names[0].split("-", 1)[0]) if names else now_ms
        return {
            ("footfall_journal_bytes", ""): self._journal.used_bytes(),
            ("footfall_journal_segments", ""): len(names),
            ("footfall_journal_oldest_segment_age_seconds", ""): max(0, now_ms - oldest_ms) / 1000,
        }

    def _reports(self) -> Values:
        try:
            counts = self._state.jobs.count_by_status()
        except StateUnavailable as error:
            log.warning("the metrics do without the reports: %s", error)
            return {}
        return {("footfall_reports", status.value): counts.get(status, 0) for status in JobStatus}


def _count(folder: Path) -> int:
    return len(Folder(folder).names()) if folder.is_dir() else 0


# What the calls work with; the framework hands it to each of them by the name `services`.


@dataclass(frozen=True, kw_only=True)
class Services:
    """`collect` takes `POST /events`; `healthy` says whether events can be accepted now; `document` is OpenAPI's."""

    settings: Settings
    reports: Reports
    schedules: Schedules
    estimates: Estimates
    receipts: Receipts
    usage: Usage
    codes: Codes
    quarantine: Quarantine
    origins: Origins
    clock: Clock
    service: Service
    collect: ASGIApp
    gauges: Gauges
    healthy: Callable[[], bool]
    document: Mapping[str, Any]


# The door of the calls that need a user.


class SignIn:
    """A guard of the framework: signs the request's user in, before anything of its body is read.

    Raises Unauthenticated, and RequestRefused when an address has guessed too often.
    """

    def __init__(self, accounts: Accounts, origins: Origins) -> None:
        self._accounts = accounts
        self._origins = origins

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        address = self._origins.address(connection.scope)
        header = connection.headers.get("authorization")
        connection.scope["user"] = await self._accounts.authenticate(header, address)
