"""What was refused, told to admins who listen: the kinds that the state has, as their numbers grow.

The state is asked twice a second while an admin listens, by each process that has such a listener; else by none.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final

from msgspec import Struct

from footfall.live.listener import Listener, message_of
from footfall.state import RefusalRepository, RefusedKind, StateUnavailable
from footfall.usage import EventSelection, type_test

log = logging.getLogger(__name__)

# Seconds between two questions.
LOOK_PERIOD_S: Final = 0.5
# Kinds of one question: those that grew last.
_LOOKED_AT: Final = 100


class RefusedNow(Struct, frozen=True, kw_only=True):
    """So many events more, or requests that cannot be read, were refused for the same reason, the last at `last` (ms).

    A request that cannot be read has neither customer, product nor type.
    """

    customer: str
    product: str
    type: str
    code: str
    where: str
    reason: str
    events: int
    last: int


class RefusalWatch:
    """Tells listeners what is refused from now on; `run` ends when none of them may know it."""

    def __init__(
        self, refusals: RefusalRepository, kinds_max: int, listeners: Callable[[], Collection[Listener]]
    ) -> None:
        self._refusals = refusals
        self._kinds_max = kinds_max
        self._listeners = listeners
        # Whether what was refused before is known, so that all that comes is told.
        self.has_begun = False

    @property
    def _admins(self) -> list[Listener]:
        return [listener for listener in self._listeners() if listener.user.admin]

    async def run(self) -> None:
        """Look and tell, while an admin listens."""
        known = await self._known()
        self.has_begun = known is not None
        while self._admins:
            await asyncio.sleep(LOOK_PERIOD_S)
            if known is None:
                known = await self._known()
                self.has_begun = known is not None
                continue
            try:
                found = await asyncio.to_thread(self._refusals.newest, _LOOKED_AT)
            except StateUnavailable as error:
                log.warning("what is refused cannot be told now: %s", error)
                continue
            for kind in reversed(found):
                self._tell(kind, kind.events - known.get(_name(kind), 0))
                known[_name(kind)] = kind.events
            if len(known) > 2 * self._kinds_max:
                known = await self._known()

    async def _known(self) -> dict[tuple[str, ...], int] | None:
        """The numbers of now; None while the state is away."""
        try:
            kinds = await asyncio.to_thread(self._refusals.newest, self._kinds_max)
        except StateUnavailable:
            return None
        return {_name(kind): kind.events for kind in kinds}

    def _tell(self, kind: RefusedKind, more: int) -> None:
        if more <= 0:
            return
        told = message_of(
            "refusals",
            RefusedNow(
                customer=kind.customer,
                product=kind.product,
                type=kind.type,
                code=kind.code,
                where=kind.place,
                reason=kind.reason,
                events=more,
                last=kind.last_ms,
            ),
        )
        for listener in self._admins:
            if is_selected(kind, listener.selection):
                listener.tell(told)


def is_selected(kind: RefusedKind, selection: EventSelection) -> bool:
    """Whether a selection is about a kind; what it has not said, such as the type of an unreadable request, may be."""
    return (
        not (selection.where or selection.versions)
        and (not kind.customer or not selection.customers or kind.customer in selection.customers)
        and (not kind.product or not selection.products or kind.product in selection.products)
        and (not kind.type or not selection.types or type_test(selection.types)(kind.type))
    )


def _name(kind: RefusedKind) -> tuple[str, ...]:
    return kind.customer, kind.product, kind.type, kind.code, kind.place, kind.reason
