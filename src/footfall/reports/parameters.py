"""The native parameters of the statements that make a report; no value ever stands in a statement's text."""

from typing import Any

from msgspec import UNSET

from footfall.state import Job

TIME_MS_LEAST = -(2**63)
TIME_MS_MOST = 2**63 - 1


def selection(job: Job) -> dict[str, Any]:
    """Which events the report has.

    By the time of the event, `start` and `end` bound the timestamp; by that of its receipt they bound `received`, and
    the timestamp may be any.
    """
    wanted = job.filter
    start = TIME_MS_LEAST if wanted.start is UNSET else wanted.start
    end = TIME_MS_MOST if wanted.end is UNSET else wanted.end
    by_event = job.basis == "event"
    return {
        "customer": wanted.customer,
        "product": wanted.product,
        "types": [] if wanted.types is UNSET else list(wanted.types),
        "start": start if by_event else TIME_MS_LEAST,
        "end": end if by_event else TIME_MS_MOST,
        "basis": job.basis,
        "received_start": start,
        "received_end": end,
        "since": -1 if job.since_ms is None else job.since_ms,
        "watermark": job.watermark_ms,
    }
