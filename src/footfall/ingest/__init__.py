"""The hot path of `POST /events`: from a body's bytes to events on disk, in named steps, each of which can refuse.

`pipeline` has the steps in their order, and `preparation` those from a body to lines. `fast_path` decodes, checks and
numbers a body in which nothing is wrong at once; every other body goes through `decode`, which calls `diagnosis` when
it has to say what is wrong. `sender_rules` says who may send, and `bots` which senders are nobody.

The events are encoded once, as JSON lines: the same bytes, with line ends turned to commas, are the answer. Nothing of
a refused request is kept, and every refusal is a `Code`, counted in `Collector.refusals`.
"""

from footfall.ingest.body import Headers, decode_idempotency_key, read_headers, sender_of
from footfall.ingest.budget import SHORT_BYTES_MAX, Budget
from footfall.ingest.pipeline import COMMIT, Collector, Outcome
from footfall.ingest.preparation import PreparedRequest
from footfall.ingest.refusals import too_slow

__all__ = [
    "COMMIT",
    "SHORT_BYTES_MAX",
    "Budget",
    "Collector",
    "Headers",
    "Outcome",
    "PreparedRequest",
    "decode_idempotency_key",
    "read_headers",
    "sender_of",
    "too_slow",
]
