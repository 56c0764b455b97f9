"""Who uses the software of the demo: people who come, return on some days, and at some time stay away.

Each person follows from the seed, the customer and the day of the first visit alone, and so does all that the person
does. So what happens on a day is the same whichever span of days is asked for.
"""

import math
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from footfall.demo.draws import Draws, weights
from footfall.demo.tables import SYMBOLS

DAY_MS: Final = 86_400_000
# Days after the first visit in which people may return. Whoever stays longer has had enough of the demo.
HORIZON_DAYS: Final = 180
# What every actor of the demo begins with, so that its events can be told from others.
ACTOR_PREFIX: Final = "demo-"
# Events that one person causes within the horizon, on average; measured, and held by a test.
EVENTS_OF_PERSON: Final = 100.0
# Hours from UTC of the first, second and further customers: Chicago, Toronto, Paris, Tokyo.
_OFFSETS_H: Final = (-6, -5, 1, 9)
# New people and visits of a day of the weekend, as a share of those of a weekday.
_WEEKEND: Final = 0.35
# Kinds of people, how many of a hundred; and the mean of the days that they stay, with the share of weekdays on which
# they come.
_KINDS: Final = weights({"once": 38, "now and then": 40, "often": 22})
_STAYS: Final = {"once": (0.0, 0.0), "now and then": (14.0, 0.25), "often": (110.0, 0.6)}


class Customer(Struct, frozen=True):
    """A customer of the demo: its part of all people, and its clock's distance from UTC in ms."""

    code: str
    share: float
    offset_ms: int


class Person(Struct, frozen=True):
    """Somebody who uses the software. Days are those of the customer's clock, counted from 1970-01-01.

    `seed` is what all that the person does follows from. `delay_days` is how long a new version takes to arrive; None
    for people who keep the one they began with. `positions` has the symbol of each, and `fixed` the values of the
    context keys that never change.
    """

    customer: Customer
    seed: str
    joined: int
    visits: tuple[int, ...]
    product: str
    has_alerts: bool
    is_adviser: bool
    delay_days: int | None
    watchlists: tuple[str, ...]
    positions: dict[str, str]
    alerts: tuple[str, ...]
    fixed: dict[str, str]


def make_customers(codes: tuple[str, ...]) -> tuple[Customer, ...]:
    """Customers of falling size, each with a clock of its own."""
    sizes = [1 / (at + 1) for at in range(len(codes))]
    return tuple(
        Customer(code, size / sum(sizes), _OFFSETS_H[at % len(_OFFSETS_H)] * 3_600_000)
        for at, (code, size) in enumerate(zip(codes, sizes, strict=True))
    )


def is_weekend(day: int) -> bool:
    """Whether a day, counted from 1970-01-01, is a Saturday or a Sunday."""
    return (day + 3) % 7 >= 5


def is_incident(seed: str, day: int) -> bool:
    """Whether many are refused what they are entitled to, which happens on a day in a month or so."""
    return Draws(f"{seed}/incident/{day}").chance(1 / 30)


def new_people(seed: str, customer: Customer, day: int, people_a_day: float) -> Iterator[Person]:
    """The people who come for the first time on a day; `people_a_day` is the mean of all customers together."""
    season = 1 + 0.12 * math.sin(day * 2 * math.pi / 83)
    week = (_WEEKEND if is_weekend(day) else 1.0) * 7 / (5 + 2 * _WEEKEND)
    draws = Draws(f"{seed}/{customer.code}/{day}")
    for number in range(draws.count(people_a_day * customer.share * season * week)):
        yield make_person(seed, customer, day, number)


def make_person(demo_seed: str, customer: Customer, joined: int, number: int) -> Person:
    """One of the people who come to a customer's software for the first time on a day."""
    seed = f"{demo_seed}/{customer.code}/{joined}/{number}"
    draws = Draws(seed)
    stay_days, share = _STAYS[draws.weighted(_KINDS)]
    last = joined + min(int(draws.exponential(stay_days)), HORIZON_DAYS)
    later = (day for day in range(joined + 1, last + 1) if draws.chance(share * (_WEEKEND if is_weekend(day) else 1.0)))
    actor, is_adviser, company = f"{ACTOR_PREFIX}{draws.hex(10)}", draws.chance(0.12), draws.number(40)
    return Person(
        customer=customer,
        seed=seed,
        joined=joined,
        visits=(joined, *later),
        product="WATCHLIST" if draws.chance(0.58) else "PORTFOLIO",
        has_alerts=draws.chance(0.35),
        is_adviser=is_adviser,
        delay_days=None if draws.chance(0.08) else int(draws.exponential(5)),
        watchlists=tuple(draws.uuid() for _ in range(1 + draws.number(3))),
        positions={draws.uuid(): draws.weighted(SYMBOLS) for _ in range(3 + draws.number(5))},
        alerts=tuple(draws.uuid() for _ in range(1 + draws.number(4))),
        fixed={
            "userId": actor,
            "portfolioId": draws.uuid(),
            "userType": "adviser" if is_adviser else "investor",
            "companyId": f"company-{company:02}",
            "companyName": f"Company {company:02}",
            "entityId": draws.uuid(),
        },
    )
