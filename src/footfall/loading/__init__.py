"""From the journal to the store: every sealed segment is loaded, at least once, and then kept in the archive.

Counting is exactly-once all the same, because the store's sorting key is the event's identity: a segment that is loaded
again after a crash changes no count. The loader also brings dead writers' segments to rest, and knows how far this node
has come: `Loader.loaded_through_ms` is what reports wait for.
"""

from footfall.loading.archive import Archive, Retention, opened_ms
from footfall.loading.loader import Loader

__all__ = [
    "Archive",
    "Loader",
    "Retention",
    "opened_ms",
]
