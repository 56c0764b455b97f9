"""Erasures for the API and the page: what may wait for others is awaited, and every refusal is one of the wire."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from footfall.erasure.orders import DryRun, ErasureRefused, Erasures, ErasureWanted
from footfall.erasure.receipt import ErasureShown
from footfall.errors import Code, RequestRefused
from footfall.settings import Settings
from footfall.store import (
    StoreFailed,
    StoreRejected,
    StoreTimeout,
    StoreUnavailable,
    refuse_rejected,
)

Result = TypeVar("Result")

# `Retry-After` in seconds while the store is away, or looks for another person.
_RETRY_AFTER_S = 5


class ErasureRequests:
    """Orders, dry runs and receipts. The calls raise RequestRefused, and StateUnavailable.

    A process looks for one person at a time: each dry run reads all events of a product.
    """

    def __init__(self, erasures: Erasures, settings: Settings) -> None:
        self._erasures = erasures
        self._settings = settings
        self._looking = asyncio.Lock()

    async def order(self, wanted: ErasureWanted, by: str, idempotency_key: str = "") -> ErasureShown:
        """Order an erasure. With the same key, of printable ASCII, the same order of a user is ordered once."""
        return await _told(lambda: self._erasures.order(wanted, by, idempotency_key))

    async def dry_run(self, wanted: ErasureWanted) -> DryRun:
        """What the store has of the person now."""
        if self._looking.locked():
            text = "another dry run is at work: send the request again when it is done"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, text, (), _RETRY_AFTER_S)
        async with self._looking:
            return await _told(lambda: self._erasures.dry_run(wanted, self._settings.usage_timeout_s))

    async def newest(self) -> list[ErasureShown]:
        """The newest erasures, the newest first."""
        return await asyncio.to_thread(self._erasures.newest)

    async def find(self, erasure_id: str) -> ErasureShown:
        """An erasure with its receipt."""
        found = await asyncio.to_thread(self._erasures.find, erasure_id)
        if found is None:
            raise RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such erasure")
        return found

    async def are_workers_alive(self) -> bool:
        """Whether any worker has lately told that it is there, which would do the work."""
        return await asyncio.to_thread(self._erasures.are_workers_alive)


async def _told(work: Callable[[], Result]) -> Result:
    """What the work gives; what stands in its way becomes a refusal of the wire."""
    try:
        return await asyncio.to_thread(work)
    except ErasureRefused as error:
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, f"nobody is erased: {error}") from error
    except StoreRejected as error:
        raise refuse_rejected("the person cannot be looked for", error) from error
    except (StoreUnavailable, StoreTimeout, StoreFailed) as error:
        text = "the events store does not answer now; nothing was changed"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, (), _RETRY_AFTER_S) from error
