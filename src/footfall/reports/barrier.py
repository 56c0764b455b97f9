"""What a report waits for: every event that any node acknowledged before its start must be in the store."""

from typing import Protocol

from footfall.state import Node, State, StateUnavailable


class Progress(Protocol):
    """Every event that this node admitted at or before `loaded_through_ms` is in the events store."""

    @property
    def loaded_through_ms(self) -> int: ...


class Barrier:
    """Knows how far this node and the others are."""

    def __init__(self, state: State, progress: Progress, node: str) -> None:
        self._state = state
        self._progress = progress
        self._node = node

    def behind(self, watermark_ms: int) -> str | None:
        """Who has not loaded everything up to the watermark, in a few words; None when all have. Blocks."""
        if self._progress.loaded_through_ms < watermark_ms:
            return f"node {self._node} is behind"
        try:
            nodes = self._state.node_list()
        except StateUnavailable:
            return "how far the other nodes are is not known"
        late = [node.node for node in nodes if self._is_late(node, watermark_ms)]
        return f"node {', '.join(late)} is behind" if late else None

    def _is_late(self, node: Node, watermark_ms: int) -> bool:
        return node.node != self._node and node.loaded_through_ms < watermark_ms
