"""Realistic traffic for a first look at a service, made from a seed and posted through the published API.

From the bottom up: `draws` makes chance repeatable, `tables` has the numbers, `population` the people, `sessions` what
they do, `traffic` the requests that tell of it, `live` those that tell of it while it happens; `posting` sends them.
"""

from footfall.demo.draws import Draws
from footfall.demo.live import LiveTraffic
from footfall.demo.population import ACTOR_PREFIX, DAY_MS, Person, is_weekend
from footfall.demo.posting import CannotPost, Poster, Tally
from footfall.demo.sessions import session, sessions_of_day
from footfall.demo.traffic import Demo, DemoRequest, Kind

__all__ = [
    "ACTOR_PREFIX",
    "DAY_MS",
    "CannotPost",
    "Demo",
    "DemoRequest",
    "Draws",
    "Kind",
    "LiveTraffic",
    "Person",
    "Poster",
    "Tally",
    "is_weekend",
    "session",
    "sessions_of_day",
]
