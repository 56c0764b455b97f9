"""What a report waits for: every event that any node acknowledged before its start must be in the store.

That is exact although each node has a clock of its own; see `Clocks`.
"""

from typing import Protocol

from footfall.state import Node, State, StateUnavailable

# Of a node's word on its time, the first change after a moment may have been on its way then.
CHANGES_LEAST = 2


class BarrierProgress(Protocol):
    """Every event that this node admitted at or before `loaded_through_ms` is in the events store."""

    @property
    def loaded_through_ms(self) -> int: ...


class Barrier:
    """Knows how far this node and the others are."""

    def __init__(self, state: State, progress: BarrierProgress, node: str) -> None:
        self._state = state
        self._progress = progress
        self._node = node

    def behind(self, watermark_ms: int) -> str | None:
        """Who has not loaded everything up to the watermark, in a few words; None when all have. Blocks."""
        if self._progress.loaded_through_ms < watermark_ms:
            return f"node {self._node} is behind"
        try:
            nodes = self._state.nodes.all()
        except StateUnavailable:
            return "how far the other nodes are is not known"
        late = [node.node for node in nodes if self._is_late(node, watermark_ms)]
        return f"node {', '.join(late)} is behind" if late else None

    def clocks(self) -> "Clocks":
        """What is to be waited for before a report's watermark is known, from now on."""
        return Clocks(self._state, self._node)

    def _is_late(self, node: Node, watermark_ms: int) -> bool:
        return node.node != self._node and node.loaded_through_ms < watermark_ms


class Clocks:
    """How late it is on the other nodes, as they tell: known when each has told so after this was made.

    The time of an order is that of one node's clock. Another node's may be ahead, and an event that was acknowledged
    there before the order may have a later stamp. So a report's watermark must not be before any node's clock at the
    order. A node reads its clock and then writes it, again and again: the first change that is seen may have been read
    before, the second was not.
    """

    def __init__(self, state: State, node: str) -> None:
        self._state = state
        self._node = node
        self._changes: dict[str, int] = {}
        self._told: dict[str, int] = {}

    @property
    def latest_ms(self) -> int | None:
        """The latest time that any other node told; None where there is no other."""
        return max(self._told.values(), default=None)

    def behind(self) -> str | None:
        """Who has not told yet, in a few words; None when all have. To be asked again and again. Blocks."""
        try:
            others = [node for node in self._state.nodes.all() if node.node != self._node]
        except StateUnavailable:
            return "how late it is on the other nodes is not known"
        for node in others:
            changed = self._told.get(node.node, node.seen_ms) != node.seen_ms
            self._changes[node.node] = self._changes.get(node.node, 0) + changed
            self._told[node.node] = node.seen_ms
        late = [node.node for node in others if self._changes[node.node] < CHANGES_LEAST]
        return f"node {', '.join(late)} has not said how late it is" if late else None
