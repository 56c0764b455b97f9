"""The draft of a manifest: what the order has to say in it, which its job keeps until the file is made."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from footfall.state import Job


class Draft(Struct, frozen=True):
    """`warnings` are what in the order may have been meant otherwise."""

    warnings: tuple[str, ...] = ()


_decode = msgspec.json.Decoder(Draft).decode


def begin(warnings: Iterable[str]) -> str | None:
    """The draft of an order; None where there is nothing to be said."""
    found = tuple(warnings)
    return msgspec.json.encode(Draft(found)).decode() if found else None


def warnings(job: Job) -> tuple[str, ...]:
    """The warnings of the job's order, while it runs and however it ended."""
    return () if job.manifest is None else _decode(job.manifest).warnings
