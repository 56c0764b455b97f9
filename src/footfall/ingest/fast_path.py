"""The fast path: a body in which nothing is wrong is decoded, checked and numbered in one pass over its events.

The JSON decoder itself knows the names of the plan and the bounds on values, so that it makes no string of a known
name; one loop checks the rest. That takes 0.6 us an event, where the steps one by one take 1.1. A body that does not
pass goes through those steps, which find what is wrong, or that nothing is.
"""

import sys
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from footfall.ingest.batch_ids import BatchedEvent
from footfall.ingest.decode import UNCOUNTED_BYTES_MAX, is_bounded
from footfall.plan import Checker, RegexBudget
from footfall.settings import Settings

_INT64_MIN = -(2**63)
_NO_LENGTHS: dict[str, int] = {}

# The events of a body, None where the fast path cannot decode it; and whether all are right, and so have their batch.
Read = tuple[list[BatchedEvent] | None, bool]
NOT_DECODED: Final[Read] = (None, False)


class FastPath:
    """The fast path by one plan."""

    def __init__(self, checker: Checker, settings: Settings) -> None:
        self.checker = checker
        # By product and type, the length of a context that needs no further check; customers with rules have their own.
        self._shared_lengths = checker.lengths()
        self._customer_lengths = {customer: checker.lengths(customer) for customer in checker.named}
        self._settings = settings
        self._events_max = settings.batch_events_max
        body = _body_type(checker, settings)
        self._decode = msgspec.json.Decoder(body).decode if body else None

    def read(self, body: bytes, newest_ms: int, batch: Raw, budget: RegexBudget | None = None) -> Read:
        """Decode the events of a body, check and number them. Raises what `budget` raises when it is spent."""
        if self._decode is None or (len(body) > UNCOUNTED_BYTES_MAX and not is_bounded(body, self._settings)):
            return NOT_DECODED
        try:
            events: list[BatchedEvent] = self._decode(body).events
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return NOT_DECODED
        # A body without events may have them under another key, which the diagnosis tells.
        if not 0 < len(events) <= self._events_max:
            return NOT_DECODED
        by_customer, shared, unsure = self._customer_lengths, self._shared_lengths, []
        for sequence, event in enumerate(events, 1):
            if event.timestamp > newest_ms:
                return events, False
            lengths = by_customer.get(event.customer, shared).get(event.product, _NO_LENGTHS)
            if lengths.get(event.type) != len(event.context):
                unsure.append(event)
            event.sequence = sequence
            event.batch = batch
        is_good = self.checker.is_good
        return events, not unsure or all(is_good(event, budget) for event in unsure)


def _body_type(checker: Checker, settings: Settings) -> Any:
    """The type of a body, with bounds and names; None when the plan lets nothing in, or no decoder can tell."""
    if not _INT64_MIN <= settings.timestamp_min_ms <= sys.maxsize:
        return None
    code = Annotated[str, Meta(min_length=1, max_length=_bound(settings.code_chars_max))]
    value = Annotated[str, Meta(max_length=_bound(settings.context_value_chars_max))]
    version = Annotated[str, Meta(max_length=_bound(settings.version_chars_max))]
    customer = product = kind = cast("Any", code)
    if not checker.is_open:
        plan, most = checker.plan, settings.code_chars_max
        product = _literal([product.name for product in plan.products], most)
        kind = _literal([kind.name for kind in plan.types], most)
        customer = _literal(plan.customers, most) if plan.customers else code
    if None in (customer, product, kind):
        return None
    event = msgspec.defstruct(
        "Event",
        [
            ("customer", customer),
            ("product", product),
            ("type", kind),
            ("version", version | UnsetType, UNSET),
            ("timestamp", Annotated[int, Meta(ge=settings.timestamp_min_ms)]),
            ("context", Annotated[list[value], Meta(max_length=_bound(settings.context_values_max))]),
        ],
        bases=(BatchedEvent,),
        kw_only=True,
        gc=False,
    )
    return msgspec.defstruct("Body", [("events", list[event], [])], gc=False)  # type: ignore[valid-type]


def _bound(most: int) -> int:
    """A bound on a length as the decoder takes it; nothing is longer."""
    return min(most, sys.maxsize)


def _literal(names: Iterable[str], chars_max: int) -> Any:
    """The type of a string that is one of these names, of those that names may be long; None when there is none."""
    fit = tuple(dict.fromkeys(name for name in names if 1 <= len(name) <= chars_max))
    return Literal[fit] if fit else None
