"""From the journal to the store: every sealed segment is loaded, at least once, and then kept in the archive.

An event still counts exactly once, because the store's sorting key is the event's identity: a segment that is loaded
again after a crash changes no count. The loader also recovers the segments of dead writers, and knows how far this node
is loaded: reports wait for `Loader.loaded_through_ms`.
"""

from footfall.loading.archive import Archive, Retention, day_of
from footfall.loading.loader import Loader
from footfall.loading.packing import unused_path

__all__ = [
    "Archive",
    "Loader",
    "Retention",
    "day_of",
    "unused_path",
]
