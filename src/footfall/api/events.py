"""The call that collects events, as the framework knows it."""

from litestar.di import NamedDependency
from litestar.types import ASGIApp

from footfall.api.rooms import Rooms


async def create_events(rooms: NamedDependency[Rooms]) -> ASGIApp:
    """The raw handler itself: the entrance goes to it straight, other spellings of the path come by here."""
    return rooms.collect
