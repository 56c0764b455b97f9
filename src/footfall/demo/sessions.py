"""What people do: sessions of use, as the products of the packaged tracking plan tell of them.

A first session is a way in, on which fewer and fewer reach the next step. Later ones go from one thing to the next by
weights. The keys of each context are those of the packaged plan, whatever their order.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

from msgspec import UNSET

from footfall.demo.draws import Draws
from footfall.demo.population import DAY_MS, Person, is_weekend
from footfall.demo.tables import (
    HOURS,
    HOURS_OF_WEEKENDS,
    HUBS,
    MARKETPLACE,
    NEXT,
    OPERATIONS,
    RELEASE_DAYS,
    SETTINGS,
    SYMBOLS,
    WAYS_IN,
)
from footfall.plan import load_plan
from footfall.wire import ReceivedEvent

# 2024-01-01, when the products of the demo had their version 1.0.0.
_FIRST_RELEASE_DAY: Final = 19_723
_RELEASES_OF_MAJOR: Final = 20
# Events of a session at the most; few come near.
_EVENTS_MAX: Final = 60
_END: Final = ""


def sessions_of_day(person: Person, day: int, *, is_incident: bool = False) -> Iterator[ReceivedEvent]:
    """All that a person does on a day of the customer's clock, in the order of its time."""
    draws = Draws(f"{person.seed}/{day}")
    hours = HOURS_OF_WEEKENDS if is_weekend(day) else HOURS
    begin = (
        day * DAY_MS - person.customer.offset_ms + int((int(draws.weighted(hours)) + draws.between(0, 1)) * 3_600_000)
    )
    for number in range(1 + draws.chance(0.3)):
        events = list(
            session(person, day, begin, draws, is_first=day == person.joined and number == 0, is_incident=is_incident)
        )
        yield from events
        begin = events[-1].timestamp + int(draws.between(20, 240) * 60_000)
    if person.is_adviser and day == person.joined:
        yield from _contract(person, begin, draws)


def session(
    person: Person, day: int, begin_ms: int, draws: Draws, *, is_first: bool = False, is_incident: bool = False
) -> Iterator[ReceivedEvent]:
    """One session of use from `begin_ms` on; its events have different times."""
    product = person.product
    if not is_first and person.has_alerts and draws.chance(0.22):
        product = "ALERT"
    elif not is_first and draws.chance(0.13):
        product = "PORTFOLIO" if product == "WATCHLIST" else "WATCHLIST"
    version, at_ms = version_of(person, product, day), begin_ms
    for kind in _way_in(product, draws) if is_first else _wander(product, draws):
        yield _event(person, product, kind, at_ms, draws, version)
        at_ms += 1_000 + int(draws.exponential(22_000))
    if draws.chance(0.15 if is_incident else 0.008):
        yield _event(person, "ENTITLEMENTS", "ENTITLEMENTS_AUTHORIZATION_FAILED", at_ms, draws)


def version_of(person: Person, product: str, day: int) -> str:
    """The version that a person has on a day: never older than the one of the first visit."""
    release_days = RELEASE_DAYS[product]
    arrived = person.joined if person.delay_days is None else max(person.joined, day - person.delay_days)
    number, age_days = divmod(max(arrived - _FIRST_RELEASE_DAY, 0), release_days)
    major, minor = divmod(number, _RELEASES_OF_MAJOR)
    # Each third release is mended after some days.
    return f"{major + 1}.{minor}.{1 if number % 3 == 1 and age_days >= 5 else 0}"


def every_type(person: Person) -> Iterator[ReceivedEvent]:
    """An event of each type of the packaged plan."""
    for product, kind in _packaged_keys():
        yield _event(person, product, kind, person.joined * DAY_MS, Draws(person.seed))


@cache
def _packaged_keys() -> dict[tuple[str, str], tuple[str, ...]]:
    """The context keys of each product's types."""
    return {(each.product, each.name): tuple(key.name for key in each.keys) for each in load_plan(None).types}


def _way_in(product: str, draws: Draws) -> Iterator[str]:
    """The steps of a first session up to the one that is not reached; who has reached all of them looks around."""
    for kind, share in WAYS_IN[product]:
        if not draws.chance(share):
            return
        yield kind
    yield from _wander(product, draws)


def _wander(product: str, draws: Draws) -> Iterator[str]:
    kind = f"{product}-APPLICATION-LOADED"
    for _ in range(_EVENTS_MAX):
        yield kind
        ways = NEXT.get(kind, HUBS[product])
        kind = draws.weighted(ways)
        if kind == _END:
            return


def _contract(person: Person, begin_ms: int, draws: Draws) -> Iterator[ReceivedEvent]:
    """The way of an adviser to a contract, over some days: each step is reached by fewer."""
    at_ms = begin_ms
    for kind, share, days in MARKETPLACE:
        if not draws.chance(share):
            return
        at_ms += 60_000 + int(draws.exponential(days * DAY_MS))
        yield _event(person, "MARKETPLACE", kind, at_ms, draws)


def _value(person: Person, key: str, draws: Draws) -> str:
    """The value of a context key: one of the person's own lists and positions, or a setting by chance."""
    if key in person.fixed:
        return person.fixed[key]
    match key:
        case "watchlistId":
            return draws.choice(person.watchlists)
        case "positionId":
            return draws.choice(tuple(person.positions))
        case "alertId":
            return draws.choice(person.alerts)
        case "symbol":
            return draws.weighted(SYMBOLS)
        case "operation":
            return draws.weighted(OPERATIONS)
    return draws.weighted(SETTINGS[key])


def _context(person: Person, keys: tuple[str, ...], draws: Draws) -> list[str | None]:
    """A value for each key; the symbol of a position is always the same."""
    found = {key: _value(person, key, draws) for key in keys}
    if "positionId" in found and "symbol" in found:
        found["symbol"] = person.positions[found["positionId"]]
    return list(found.values())


def _event(
    person: Person, product: str, kind: str, at_ms: int, draws: Draws, version: str | None = None
) -> ReceivedEvent:
    return ReceivedEvent(
        customer=person.customer.code,
        product=product,
        type=kind,
        version=UNSET if version is None else version,
        timestamp=at_ms,
        context=_context(person, _packaged_keys()[product, kind], draws),
    )
