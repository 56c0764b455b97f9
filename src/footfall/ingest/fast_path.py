"""The quick way through a body: what is right is found to be so in one pass over its events.

The JSON decoder itself is told the names of the plan and the bounds on values, so that it makes no string of a name
that is known; the one loop sees to the rest. Decoding, bounds, plan and numbering take half as long so: 0.6 us an event
instead of 1.1. Whatever does not pass goes the long way, step by step, which may find that it is right all the same,
and says what is wrong where it is not.
"""

import sys
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from footfall.ingest.decode import AT_ONCE_BYTES_MAX, is_bounded
from footfall.plan import Checker, Work
from footfall.settings import Settings
from footfall.wire import StoredEvent

_INT64_MIN = -(2**63)
_UNKNOWN: dict[str, int] = {}


class FastPath:
    """The quick way by one plan."""

    def __init__(self, checker: Checker, settings: Settings) -> None:
        self.checker = checker
        self._lengths = checker.lengths()
        self._own = {customer: checker.lengths(customer) for customer in checker.named}
        self._settings = settings
        self._events_max = settings.batch_events_max
        body = _body(checker, settings)
        self._decode = msgspec.json.Decoder(body).decode if body else None

    def take(self, body: bytes, newest_ms: int, batch: Raw, work: Work | None = None) -> list[StoredEvent] | None:
        """The events of a body, numbered and of this batch; None when they have to go the long way.

        Raises what `work` raises when expressions of the plan take too long.
        """
        if self._decode is None or (len(body) > AT_ONCE_BYTES_MAX and not is_bounded(body, self._settings)):
            return None
        try:
            events = cast("list[StoredEvent]", self._decode(body).events)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        # Without events the body is to be looked at: it may have them under another key.
        if not 0 < len(events) <= self._events_max:
            return None
        marked = cast("str", batch)
        own, shared, doubtful = self._own, self._lengths, []
        for sequence, event in enumerate(events, 1):
            if event.timestamp > newest_ms:
                return None
            lengths = own.get(event.customer, shared).get(event.product, _UNKNOWN)
            if lengths.get(event.type) != len(event.context):
                doubtful.append(event)
            event.sequence = sequence
            event.batch = marked
        is_good = self.checker.is_good
        return events if not doubtful or all(is_good(event, work) for event in doubtful) else None


def _body(checker: Checker, settings: Settings) -> Any:
    """The type of a body, its events as StoredEvent has them; None when nothing is let in, or no decoder can tell."""
    if not _INT64_MIN <= settings.timestamp_min_ms <= sys.maxsize:
        return None
    code = Annotated[str, Meta(min_length=1, max_length=_length(settings.code_chars_max))]
    value = Annotated[str, Meta(max_length=_length(settings.context_value_chars_max))]
    version = Annotated[str, Meta(max_length=_length(settings.version_chars_max))]
    customer = product = kind = cast("Any", code)
    if not checker.is_open:
        plan, most = checker.plan, settings.code_chars_max
        product = _one_of([product.name for product in plan.products], most)
        kind = _one_of([kind.name for kind in plan.types], most)
        customer = _one_of(plan.customers, most) if plan.customers else code
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
            ("context", Annotated[list[value], Meta(max_length=_length(settings.context_values_max))]),
            ("sequence", int, 0),
            ("batch", str, ""),
        ],
        kw_only=True,
        gc=False,
    )
    return msgspec.defstruct("Body", [("events", list[event], [])], gc=False)  # type: ignore[valid-type]


def _length(most: int) -> int:
    """A bound on a length as the decoder takes it; nothing is longer."""
    return min(most, sys.maxsize)


def _one_of(names: Any, chars_max: int) -> Any:
    """The type of a string that is one of these names, as far as names may be so long; None when there is none."""
    fit = tuple(dict.fromkeys(name for name in names if 1 <= len(name) <= chars_max))
    return Literal[fit] if fit else None
