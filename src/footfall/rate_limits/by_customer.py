"""The limits of a customer's product, which hold once a body was read: events at a rate, and bytes in a day.

Nothing but a name says whose events they are, so that strangers can use up what a customer may send. The limits keep
the harm to that customer's product: others go on, and the disk does not fill.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from secrets import token_bytes
from threading import Lock
from typing import Final

from msgspec import Struct

from footfall.errors import RequestRefused
from footfall.rate_limits.hits import NAME_CHARS_MAX, Limit, LimitHits
from footfall.rate_limits.token_bucket import UNLIMITED, BucketTable, TokenBucket
from footfall.settings import Settings
from footfall.wire import ReceivedEvent

log = logging.getLogger(__name__)

# Accounts beside those that the plan names, some 500 bytes each, and those that all further ones share.
ACCOUNTS_MAX: Final = 1_000
SHARED_ACCOUNTS: Final = 16
# Part of a day's budget past which the log has an alarm.
ALARM_SHARE: Final = 0.8
# Events of one request up to which each account is counted by itself, which is quicker than all at once.
FEW: Final = 8
# `Retry-After` in seconds at the most while a budget is spent: an operator may raise it any time.
RETRY_AFTER_S_MAX: Final = 3_600
DAY_S: Final = 86_400


class Account(TokenBucket):
    """What one customer's product may send: its bucket, and the bytes that came today.

    A request adds its `stored_bytes` before it is known whether it passes, and has them back when it does not.
    """

    __slots__ = ("held_bytes", "stored_bytes", "told")

    def __init__(self, key: str, left: int = 0) -> None:
        super().__init__(key, left)
        self.told: set[Limit] = set()
        self.begin_day()

    def give_back(self, stored_bytes: int) -> None:
        """So many bytes were counted and are not stored."""
        self.stored_bytes -= stored_bytes

    def begin_day(self) -> None:
        """Nothing has come today."""
        self.stored_bytes = self.held_bytes = 0
        self.told.clear()


class Spread(Struct, gc=False):
    """A request with events of several accounts, or held ones: the number of events of each, and of those held.

    It has less than nothing `left`, so that each is looked at.
    """

    events: Mapping[Account, int]
    held: Mapping[Account, int] = {}
    held_bytes: int = 0
    left: int = -1
    stored_bytes: int = 0
    # Whether the accounts have the bytes.
    is_counted: bool = False

    def give_back(self, _: int) -> None:
        """The bytes that were counted are not stored."""
        if self.is_counted:
            self.count(-1)

    def count(self, sign: int = 1) -> None:
        """Give each account its part of the bytes, by its events; or take it back."""
        self.is_counted = sign > 0
        held = sum(self.held.values())
        stored = sum(self.events.values()) - held
        for account, events in self.events.items():
            own = self.held.get(account, 0)
            if own:
                account.held_bytes += sign * (self.held_bytes * own // held)
            if events > own:
                account.stored_bytes += sign * (self.stored_bytes * (events - own) // stored)

    @classmethod
    def of(cls, accounts: list[Account]) -> "Spread":
        """That of a request none of whose events is held, by the account of each."""
        return cls(Counter(accounts) if len(accounts) > FEW else {one: accounts.count(one) for one in set(accounts)})


# Whose events a request has that is limited by nothing.
NOBODY: Final = Account("", UNLIMITED)


class CustomerLimits:
    """Events of a customer's product at a rate, and bytes in a UTC day: of events, and of what quarantine holds.

    A request costs a token for each event (`BucketTable` has the rule), and the bytes of its lines. While bytes are
    left, it passes; how many are left is looked at with each lease of tokens. So a day has at most its budget, the
    events of one lease, one request, and what waits for the disk. A request with events of several owners is refused as
    a whole when it may not pass for one of them, and takes nothing of the others.

    A process has its part of each limit: clients are spread over all. `is_known` says whether the plan names a customer
    and product. Beside these, ACCOUNTS_MAX others that are seen have accounts of their own until the day ends, and
    further ones share SHARED_ACCOUNTS, by a hash with a secret. So names that strangers make up use a bounded memory
    and bounded budgets, and none of a customer that is known.

    `find`, `find_owner` and `watch` may be called on any thread, the others on the event loop. Whoever keeps accounts
    is told by `dropped` to ask for them anew.
    """

    def __init__(
        self,
        settings: Settings,
        hits: LimitHits,
        is_known: Callable[[str, str], bool],
        now_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._hits = hits
        self._is_known = is_known
        self._now_s, self._wall_s = now_s, wall_s
        parts = settings.web_processes
        rate, self._stored_max = settings.customer_events_per_s, settings.customer_day_bytes_max / parts
        self._held_max = settings.quarantine_day_bytes_max / parts
        self.is_on = rate > 0 or self._stored_max > 0 or self._held_max > 0
        # Without a limit of events nobody empties the bucket, but for its leases.
        burst = max(1, settings.customer_events_burst // parts) if rate else UNLIMITED
        self._table = BucketTable(rate / parts or 1.0, burst, 0)
        self.accounts: dict[str, dict[str, Account]] = {}
        self._others = 0
        self._shared = [Account("customers that have no account") for _ in range(SHARED_ACCOUNTS)]
        self._secret = token_bytes(16)
        self._lock = Lock()
        self._day_ends_s = self._now_s() + DAY_S - self._wall_s() % DAY_S
        # Called when accounts that somebody may have kept are no longer in use.
        self.dropped: Callable[[], object] = lambda: None

    def find(self, customer: str, product: str) -> Account:
        """The account of a customer's product, made when it has none."""
        if not self.is_on:
            return NOBODY
        account = self.accounts.get(customer, {}).get(product)
        if account is not None:
            return account
        with self._lock:
            # Another thread may have made it meanwhile: it counts among the others once.
            account = self.accounts.get(customer, {}).get(product)
            if account is not None:
                return account
            if not self._is_known(customer, product):
                if self._others >= ACCOUNTS_MAX:
                    return self._shared[hash((self._secret, customer, product)) % SHARED_ACCOUNTS]
                self._others += 1
            account = Account(f"customer {customer[:NAME_CHARS_MAX]}, product {product[:NAME_CHARS_MAX]}")
            return self.accounts.setdefault(customer, {}).setdefault(product, account)

    def find_owner(self, sent: Iterable[ReceivedEvent], kept: Iterable[ReceivedEvent], held_bytes: int) -> Spread:
        """Whose events these are, of which those that were not kept are held in lines of so many bytes."""
        if not self.is_on:
            return Spread({})
        events = Counter(self.find(event.customer, event.product) for event in sent)
        held = Counter(events)
        held.subtract(self.find(event.customer, event.product) for event in kept)
        return Spread(events, +held, held_bytes)

    def renew(self, owner: Account | Spread, events: int) -> RequestRefused | None:
        """Pay for a request. The refusal when that is too much.

        Of a request with one account, its events were subtracted from `left`, which made that less than nothing.
        """
        now_s = self._now_s()
        if now_s >= self._day_ends_s:
            self._begin_day(now_s)
        if isinstance(owner, Account):
            return self._pay(owner, events, 0, now_s)
        paid: list[tuple[Account, int]] = []
        for account, number in owner.events.items():
            account.left -= number
            if refused := self._pay(account, number, owner.held.get(account, 0), now_s):
                for other, cost in paid:
                    self._table.give_back(other, cost)
                return refused
            paid.append((account, number))
        owner.count()
        return None

    def watch(self) -> dict[tuple[str, ...], float]:
        """The largest part of a day's budget that is used, for metrics. Each account past ALARM_SHARE has a line in the
        log, once a day.
        """
        found = {Limit.CUSTOMER_DAY_BYTES: 0.0, Limit.QUARANTINE_DAY_BYTES: 0.0}
        for account in self._all():
            for limit, used_bytes, most in (
                (Limit.CUSTOMER_DAY_BYTES, account.stored_bytes, self._stored_max),
                (Limit.QUARANTINE_DAY_BYTES, account.held_bytes, self._held_max),
            ):
                used = used_bytes / most if most else 0.0
                found[limit] = max(found[limit], used)
                if used >= ALARM_SHARE and limit not in account.told:
                    account.told.add(limit)
                    log.warning("%r has used %d %% of its %s of today", account.key, 100 * used, limit.value)
        return {("footfall_day_budget_used_ratio", limit.value): used for limit, used in found.items()}

    def _pay(self, account: Account, events: int, held: int, now_s: float) -> RequestRefused | None:
        wait_s = max(1, min(RETRY_AFTER_S_MAX, int(self._day_ends_s - now_s)))
        over = None
        if 0 < self._stored_max <= account.stored_bytes and events > held:
            over = Limit.CUSTOMER_DAY_BYTES, "has sent as many bytes as a day may have", wait_s
        elif 0 < self._held_max <= account.held_bytes and held:
            over = Limit.QUARANTINE_DAY_BYTES, "has sent as many events that break the plan as a day may have", wait_s
        elif account.left < 0 and not self._table.renew(account, events, now_s):
            over = Limit.CUSTOMER_EVENTS, "has sent too many events", self._table.wait_s(account, now_s)
            events = 0
        if over is None:
            return None
        limit, text, wait_s = over
        account.left = max(0, account.left + events)
        return self._hits.over(limit, account.key, f"{account.key} {text}: send the request again later", wait_s)

    def _all(self) -> list[Account]:
        """All accounts; other threads may make some meanwhile."""
        with self._lock:
            return [*self._shared, *(one for products in self.accounts.values() for one in products.values())]

    def _begin_day(self, now_s: float) -> None:
        """Begin the budgets of a day. Accounts that send are kept; the others are made again when they do."""
        self._day_ends_s = now_s + DAY_S - self._wall_s() % DAY_S
        for account in self._all():
            account.begin_day()
        with self._lock:
            self._others = 0
            for customer, products in list(self.accounts.items()):
                for product, account in list(products.items()):
                    if account.full_at_s <= now_s:
                        del products[product]
                    else:
                        self._others += not self._is_known(customer, product)
                if not products:
                    del self.accounts[customer]
        self.dropped()
