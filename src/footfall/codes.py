"""Which customers and products there are: those of the tracking plan, and those of which the store has events."""

import asyncio
from functools import partial
from itertools import chain

from footfall.errors import RequestRefused
from footfall.lane import Lane
from footfall.plan import LivePlan
from footfall.settings import Settings
from footfall.slips import Slip, unknown_code
from footfall.store import Store, StoreFailed, StoreTimeout, StoreUnavailable, query

# Looks at once: each is two lookups by the key's first columns.
LOOKS_AT_ONCE_MAX = 2


class Codes:
    """Tells codes that nobody knows from those of the plan and of the store; `close` ends its threads.

    The store is asked only where the plan does not know a code. What was accepted a second ago may not be in it yet.
    """

    def __init__(self, plan: LivePlan, store: Store, settings: Settings) -> None:
        self._plan = plan
        self._store = store
        self._timeout_s = settings.codes_timeout_s
        self._problems_max = settings.problems_max
        self._lane = Lane("codes", LOOKS_AT_ONCE_MAX, settings.calls_waiting_max)

    def close(self) -> None:
        self._lane.close()

    async def look(self, customer: str, product: str, types: tuple[str, ...] = (), *, account: str = "") -> list[Slip]:
        """The codes that neither the plan nor the store knows, and the types that the plan's product does not have.

        Waits for the store for `codes_timeout_s` at the most; what it does not say in time counts as known.
        """
        checker = self._plan.checker
        strange = [
            unknown_code("type", f"filter.types[{at}]", types[at], near)
            for at, near in checker.strange_types(product, types, self._problems_max)
        ]
        if not checker.strange_codes(customer, product):
            return strange
        try:
            async with asyncio.timeout(self._timeout_s):
                return [*await self._lane.run(partial(self.unknown, customer, product), account), *strange]
        except (TimeoutError, RequestRefused):
            return strange

    def unknown(self, customer: str, product: str | None, *, doubt: bool = False) -> list[Slip]:
        """Those of the codes that neither the plan nor the store knows; without a product, the customer alone. Blocks.

        Where the store cannot be asked, what the plan does not know counts as known, or with `doubt` as unknown.
        """
        strange = self._plan.checker.strange_codes(customer, product)
        if not strange:
            return []
        stored = self._stored(customer, product or "", doubt=doubt)
        return [unknown_code(kind, f"filter.{kind}", code, near) for kind, code, near in strange if not stored[kind]]

    def _stored(self, customer: str, product: str, *, doubt: bool) -> dict[str, bool]:
        """Whether the store has events of the customer, and of its product."""
        wanted = {"customer": customer, "product": product}
        try:
            found = self._store.rows(query("codes_known"), wanted, {"max_execution_time": self._timeout_s})
        except (StoreUnavailable, StoreTimeout, StoreFailed):
            return dict.fromkeys(wanted, not doubt)
        return dict(zip(wanted, map(bool, chain(*found)), strict=True))
