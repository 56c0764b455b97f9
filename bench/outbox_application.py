"""A WSGI application for gunicorn that tracks an event with each request: its number is the last part of the path.

The file of the outbox, the address of the service and when `track` returns are in OUTBOX, SERVICE and DURABLE.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from footfall_client import Outbox, OutboxOptions

# Small batches and short pauses, so that a run of seconds meets many answers.
_OPTIONS = OutboxOptions(batch_events_max=50, batch_age_max_s=0.05, backoff_min_s=0.05, backoff_max_s=0.2)
_outbox = Outbox(
    os.environ["OUTBOX"],
    os.environ["SERVICE"],
    durable="background" if os.environ["DURABLE"] == "background" else True,
    options=_OPTIONS,
)


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """Track the event, and answer when that has returned."""
    number = int(environ["PATH_INFO"].rpartition("/")[2])
    _outbox.track(
        customer="BARCHART",
        product="WATCHLIST",
        type="WATCHLIST-APPLICATION-LOADED",
        timestamp=number,
        context=[str(number)],
    )
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
