"""The fast path: a body in which nothing is wrong is decoded, checked and numbered in one pass over its events.

The JSON decoder itself knows the names of the plan and the bounds on values, so that it makes no string of a known
name; one loop checks the rest, and finds whose events they are. That takes 0.6 us an event, where the steps one by one
take 1.1. A body that does not pass goes through those steps, which find what is wrong, or that nothing is.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from footfall.ingest.batch_ids import BatchedEvent
from footfall.ingest.decode import UNCOUNTED_BYTES_MAX, is_bounded
from footfall.plan import Checker, RegexBudget
from footfall.rate_limits import NOBODY, Account, Spread
from footfall.settings import Settings

_INT64_MIN = -(2**63)
_NO_LENGTHS: dict[str, int] = {}
# Customers' products that are remembered; strangers may make up any number where the plan takes every customer.
OWNERS_MAX: Final = 5_000

# The events of a body, None where the fast path cannot decode it; whether all are right, and so have their batch; and
# whose they are then.
Read = tuple[list[BatchedEvent] | None, bool, Account | Spread]
NOT_DECODED: Final[Read] = (None, False, NOBODY)


class Owner(Struct, frozen=True, gc=False):
    """A customer's product: its account, and by type the length of a context that needs no further check."""

    account: Account
    lengths: dict[str, int]


class FastPath:
    """The fast path by one plan; `find_account` says where the events of a customer's product are counted."""

    def __init__(
        self, checker: Checker, settings: Settings, find_account: Callable[[str, str], Account] = lambda *_: NOBODY
    ) -> None:
        self.checker = checker
        # By product and type, the length of a context that needs no further check; customers with rules have their own.
        self._shared_lengths = checker.lengths()
        self._customer_lengths = {customer: checker.lengths(customer) for customer in checker.named}
        self._find_account = find_account
        self._owners: dict[str, dict[str, Owner]] = {}
        self._owners_found = 0
        self._settings = settings
        self._events_max = settings.batch_events_max
        body = _body_type(checker, settings)
        self._decode = msgspec.json.Decoder(body).decode if body else None

    # One pass over the events without a call for each: that is what it is for.
    def read(  # noqa: C901
        self, body: bytes, newest_ms: int, batch: Raw, budget: RegexBudget | None = None
    ) -> Read:
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
        owners, unsure, last = self._owners, [], None
        # The account of each event, from where a second one is seen.
        accounts: list[Account] = []
        for sequence, event in enumerate(events, 1):
            if event.timestamp > newest_ms:
                return events, False, NOBODY
            try:
                owner = owners[event.customer][event.product]
            except KeyError:
                owner = self._find_owner(event.customer, event.product)
            if owner is not last:
                if last is not None and not accounts:
                    accounts = [last.account] * (sequence - 1)
                last = owner
            if accounts:
                accounts.append(owner.account)
            if owner.lengths.get(event.type) != len(event.context):
                unsure.append(event)
            event.sequence = sequence
            event.batch = batch
        is_right = not unsure or self._are_good(unsure, budget)
        return events, is_right, Spread.of(accounts) if accounts else owner.account

    def forget_owners(self) -> None:
        """Ask for the accounts of customers anew."""
        self._owners_found = 0
        self._owners.clear()

    def _are_good(self, unsure: list[BatchedEvent], budget: RegexBudget | None) -> bool:
        """Whether all of these keep to the plan."""
        is_good = self.checker.is_good
        return all(is_good(event, budget) for event in unsure)

    def _find_owner(self, customer: str, product: str) -> Owner:
        """What is known of a customer's product, from now on without this call."""
        lengths = self._customer_lengths.get(customer, self._shared_lengths).get(product, _NO_LENGTHS)
        owner = Owner(self._find_account(customer, product), lengths)
        if self._owners_found >= OWNERS_MAX:
            self.forget_owners()
        self._owners_found += 1
        self._owners.setdefault(customer, {})[product] = owner
        return owner


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
