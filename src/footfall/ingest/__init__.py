"""The hot path of `POST /events`: from a body's bytes to events on disk, in named steps, each of which can refuse.

read -> unpack -> decode -> limit -> check -> identify -> (hold) -> encode -> journal -> answer

`quick` does decode, limit, check and identify at once for a body in which nothing is wrong; all others go step by step.

The events are encoded once, as JSON lines: the same bytes, with line ends turned to commas, are the answer. Nothing of
a refused request is kept, and every refusal is a `Code`, counted in `Collector.refusals`.
"""

from footfall.ingest.body import Headers, read_headers, sender_of, too_slow
from footfall.ingest.budget import SHORT_BYTES_MAX, Budget
from footfall.ingest.pipeline import Collector, Taken

__all__ = [
    "SHORT_BYTES_MAX",
    "Budget",
    "Collector",
    "Headers",
    "Taken",
    "read_headers",
    "sender_of",
    "too_slow",
]
