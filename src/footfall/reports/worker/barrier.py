"""What a report waits for: every event that any node acknowledged before its start must be in the store.

That holds although each node has a clock of its own; see `ClockReadings`.
"""

from typing import Protocol

from footfall.state import Node, State, StateUnavailable

# The first change of a node's recorded time may come from a clock that was read before the waiting began.
CHANGES_MIN = 2


class BarrierProgress(Protocol):
    """Every event that this node admitted at or before `loaded_through_ms` is in the events store."""

    @property
    def loaded_through_ms(self) -> int: ...


class Barrier:
    """Tells which nodes have not loaded everything up to a watermark."""

    def __init__(self, state: State, progress: BarrierProgress, node: str) -> None:
        self._state = state
        self._progress = progress
        self._node = node

    def behind(self, watermark_ms: int) -> str | None:
        """Name the nodes that have not loaded everything up to the watermark; None when all have. Blocks."""
        if self._progress.loaded_through_ms < watermark_ms:
            return f"node {self._node} is behind"
        try:
            nodes = self._state.nodes.all()
        except StateUnavailable:
            return "how far the other nodes are is not known"
        late = [node.node for node in nodes if self._is_late(node, watermark_ms)]
        return f"node {', '.join(late)} is behind" if late else None

    def clocks(self) -> "ClockReadings":
        """The other nodes' clocks, read from now on; a report's watermark is known when all were read."""
        return ClockReadings(self._state, self._node)

    def _is_late(self, node: Node, watermark_ms: int) -> bool:
        return node.node != self._node and node.loaded_through_ms < watermark_ms


class ClockReadings:
    """The times on the other nodes, each read by its node after this object was made.

    A report's start is a time of one node's clock. Another node's clock may be ahead, and an event that it acknowledged
    before the start may have a later time. So the watermark must not be before any node's clock at the start. A node
    reads its clock and then records the time, again and again. The first change that is seen may have been read before
    the start; the second was not.
    """

    def __init__(self, state: State, node: str) -> None:
        self._state = state
        self._node = node
        self._changes: dict[str, int] = {}
        self._times_ms: dict[str, int] = {}

    @property
    def latest_ms(self) -> int | None:
        """The latest time on any other node; None where there is no other node."""
        return max(self._times_ms.values(), default=None)

    def behind(self) -> str | None:
        """Name the nodes whose clocks are not read yet; None when all are. Call it again until then. Blocks."""
        try:
            others = [node for node in self._state.nodes.all() if node.node != self._node]
        except StateUnavailable:
            return "how late it is on the other nodes is not known"
        for node in others:
            changed = self._times_ms.get(node.node, node.seen_ms) != node.seen_ms
            self._changes[node.node] = self._changes.get(node.node, 0) + changed
            self._times_ms[node.node] = node.seen_ms
        late = [node.node for node in others if self._changes[node.node] < CHANGES_MIN]
        return f"node {', '.join(late)} has not said how late it is" if late else None
