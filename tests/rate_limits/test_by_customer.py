"""The limits of a customer's product: events at a rate and bytes in a day, of known customers and of made-up ones."""

import logging
from threading import Lock

import pytest

from footfall.errors import RequestRefused
from footfall.rate_limits import CustomerLimits, Limit, LimitHits, Spread
from footfall.rate_limits.by_customer import ACCOUNTS_MAX, SHARED_ACCOUNTS
from footfall.rate_limits.token_bucket import LEASE_TOKENS
from footfall.settings import Settings
from footfall.wire import ReceivedEvent

DAY_S = 86_400


class Clocks:
    """Both clocks, at noon of a day."""

    def __init__(self):
        self.s = 5_000.0

    def now_s(self):
        return self.s

    def wall_s(self):
        return self.s - 5_000 + 43_200


def event(customer="A", product="P"):
    return ReceivedEvent(customer=customer, product=product, type="T", timestamp=1, context=[])


class Sending:
    """Pays for requests as the pipeline does."""

    def __init__(self, known=(), mode="refuse", **changes):
        self.clocks = Clocks()
        settings = Settings(limits_mode=mode, **changes)
        self.hits = LimitHits(refuses=mode == "refuse", now_s=self.clocks.now_s)
        known = frozenset(known)
        self.limits = CustomerLimits(
            settings, self.hits, lambda *names: names in known, self.clocks.now_s, self.clocks.wall_s
        )

    def send(self, *events, stored_bytes=100):
        """None, or the refusal."""
        accounts = [self.limits.find(event.customer, event.product) for event in events]
        owner = accounts[0] if len(set(accounts)) == 1 else Spread.of(accounts)
        return self._pay(owner, len(events), stored_bytes)

    def hold(self, sent, kept, held_bytes, stored_bytes=0):
        return self._pay(self.limits.find_owner(sent, kept, held_bytes), len(kept), stored_bytes)

    def _pay(self, owner, events, stored_bytes) -> RequestRefused | None:
        owner.stored_bytes += stored_bytes
        owner.left -= events
        if owner.left < 0 and (refused := self.limits.renew(owner, events)):
            owner.give_back(stored_bytes)
            return refused
        return None


def test_what_is_not_stored_is_given_back():
    sending = Sending()
    a, b = sending.limits.find("A", "P"), sending.limits.find("B", "P")
    for owner in (a, Spread.of([a, b]), sending.limits.find_owner([event(), event("B")], [event()], 50)):
        assert sending._pay(owner, 1, 100) is None
        assert a.stored_bytes + b.stored_bytes in (100, 98)
        owner.give_back(100)
        assert (a.stored_bytes, b.stored_bytes, b.held_bytes) == (0, 0, 0)


def test_a_customer_over_its_rate_is_refused_and_others_are_not():
    sending = Sending(customer_events_per_s=10, customer_events_burst=100)
    assert [sending.send(*25 * [event()]) for _ in range(4)] == 4 * [None]
    refused = sending.send(event())
    assert (refused.code, refused.retry_after_s) == ("REQUEST_RATE_LIMITED", 1)
    assert "customer A, product P" in refused.message
    assert sending.send(*50 * [event("B")]) is None
    assert sending.send(*50 * [event("A", "Q")]) is None
    sending.clocks.s += 1
    assert sum(sending.send(event()) is None for _ in range(20)) == 10
    assert sending.hits.counts[Limit.CUSTOMER_EVENTS] == 11


def test_a_mixed_request_is_refused_for_any_of_its_customers():
    sending = Sending(customer_events_per_s=10, customer_events_burst=100)
    assert sending.send(*100 * [event()], event("B")) is None
    assert sending.send(event("B"), event()) is not None
    assert sending.send(*90 * [event("B")]) is None


@pytest.mark.parametrize("events", [1, 30, 150])
def test_a_refused_mixed_request_takes_nothing_of_its_other_customers(events):
    sending = Sending(customer_events_per_s=10, customer_events_burst=100)
    assert sending.send(*150 * [event()]) is None
    for _ in range(50):
        assert sending.send(*events * [event("B")], event()) is not None
    assert sum(sending.send(event("B")) is None for _ in range(200)) == 100


def test_a_processes_part_of_a_limit_is_its_share():
    sending = Sending(web_processes=4, customer_events_per_s=40, customer_events_burst=400)
    assert sum(sending.send(event()) is None for _ in range(500)) == 100


def test_a_day_has_its_budget_and_the_next_day_another(caplog):
    sending = Sending(customer_day_bytes_max=10_000, customer_events_per_s=0)
    with caplog.at_level(logging.WARNING):
        sent = sum(sending.send(event()) is None for _ in range(200))
        assert 100 <= sent <= 100 + LEASE_TOKENS
        used = sending.limits.watch()
        assert used["footfall_day_budget_used_ratio", "customer_day_bytes"] >= 1
        assert used["footfall_day_budget_used_ratio", "quarantine_day_bytes"] == 0
        sending.limits.watch()
    (alarm,) = [record.getMessage() for record in caplog.records if "has used" in record.getMessage()]
    assert "customer A, product P" in alarm
    # Twelve hours are left of the day, and an operator may raise the budget before.
    assert sending.send(event()).retry_after_s == 3_600
    sending.clocks.s += 43_199
    assert sending.send(event()).retry_after_s == 1
    sending.clocks.s += 1
    assert sum(sending.send(event()) is None for _ in range(200)) in range(100, 100 + LEASE_TOKENS + 2)
    sending.clocks.s += DAY_S
    assert sending.send(event()) is None


def test_what_quarantine_holds_has_a_budget_of_its_own():
    sending = Sending(quarantine_day_bytes_max=1_000)
    good, bad = event(), event(product="bad")
    assert sending.hold([good, bad], [good], 600, 100) is None
    assert sending.hold([bad], [], 600) is None
    assert sending.hold([bad], [], 600) is not None
    assert sending.hold([good, bad], [good], 600) is not None
    assert sending.send(good) is None
    assert sending.hits.counts[Limit.QUARANTINE_DAY_BYTES] == 2
    found = sending.limits.find("A", "P"), sending.limits.find("A", "bad")
    assert [(one.stored_bytes, one.held_bytes) for one in found] == [(200, 0), (0, 1_200)]


@pytest.mark.parametrize("limit", ["customer_events_per_s", "customer_day_bytes_max"])
def test_by_default_it_is_counted_and_served(limit):
    sending = Sending(mode="count", customer_events_burst=1, **{"customer_events_per_s": 0, limit: 1})
    assert [sending.send(event()) for _ in range(100)] == 100 * [None]
    assert sending.hits.counts.total() >= 100 - 1 - LEASE_TOKENS
    assert sending.limits.find("A", "P").stored_bytes == 10_000


def test_made_up_names_share_a_few_accounts_and_leave_those_that_are_known_alone():
    sending = Sending(known=[("A", "P")], customer_day_bytes_max=1_000, customer_events_per_s=0)
    found = {id(sending.limits.find(f"made up {number}", "P")) for number in range(10_000)}
    assert ACCOUNTS_MAX < len(found) <= ACCOUNTS_MAX + SHARED_ACCOUNTS
    for number in range(5_000):
        sending.send(event(f"made up {number}"), stored_bytes=500)
    assert sending.send(event("made up 9000"), stored_bytes=500) is not None
    assert sending.send(event()) is None
    # A day later names have room again.
    sending.clocks.s += DAY_S
    assert sending.send(event("made up 9000")) is None
    assert sending.limits.accounts.keys() == {"A", "made up 9000"} or len(sending.limits.accounts) < 10


def test_an_account_that_two_threads_make_at_once_counts_once():
    limits, lock = Sending().limits, Lock()

    class Overtaken:
        """Another thread makes the account between the first look and the lock."""

        def __enter__(self):
            limits._lock = lock
            limits.find("made up", "P")
            lock.acquire()

        def __exit__(self, *_):
            lock.release()

    limits._lock = Overtaken()
    assert limits.find("made up", "P") is limits.find("made up", "P")
    assert limits._others == 1
