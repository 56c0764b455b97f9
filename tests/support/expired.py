"""A node with rules of retention, which removes what is past its time."""

import asyncio
from typing import Any

from erased import Node as ErasedNode
from msgspec import structs

from footfall.expiry import Expirer, ExpirerDependencies
from footfall.settings.retention import RetentionRule
from footfall.windows import DAY_MS

RULES = [RetentionRule(product="SHOP", type="OPEN*", days=30)]


class TurnedClock:
    """The node's clock, some days ahead."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.days_ahead = 0

    def now_ms(self) -> int:
        return int(self._clock.now_ms()) + self.days_ahead * DAY_MS


class Node(ErasedNode):
    """A node that removes what is past its time."""

    def start(self, rules: list[RetentionRule] | None = None) -> None:
        """The parts of a worker, as after a start, with other rules if need be."""
        if rules is not None:
            self.settings = structs.replace(self.settings, retention_rules=rules)
        super().start()
        self.turned = TurnedClock(self.clock)
        self.expirer = self.new_expirer()

    def new_expirer(self) -> Expirer:
        return Expirer(
            ExpirerDependencies(self.settings, self.state, self.store, self.tombstones, self.turned, self.name)
        )

    def ago(self, days: float) -> int:
        """The time of an event of so many days before now."""
        return int(self.clock.now_ms() - days * DAY_MS)

    async def settle(self) -> None:
        """Do all that is due."""
        for _ in range(6_000):
            await asyncio.to_thread(self.loader.tick)
            await asyncio.to_thread(self.expirer.tick)
            if self.is_settled():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("what is past does not go")

    def is_settled(self) -> bool:
        share = self.state.retention.share(self.name)
        return all(one.stored_ms >= one.until_ms <= share.get(one.id, 0) for one in self.state.retention.all())

    def kinds(self, table: str = "events") -> list[str]:
        """The types and first values of what a table has."""
        rows = self.store.rows("SELECT type, context[1] FROM {table:Identifier} FINAL", {"table": table})
        return sorted(f"{kind} {value}" for kind, value in rows)
