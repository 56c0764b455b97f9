"""The call that counts."""

from typing import Any

from litestar import Request, Response
from litestar.di import NamedDependency

from footfall import slips
from footfall.api.reporting import UNCACHED
from footfall.api.rooms import Rooms
from footfall.state import User
from footfall.usage import Counts, parse


async def count_events(request: Request[User, Any, Any], rooms: NamedDependency[Rooms]) -> Response[Counts]:
    given = request.query_params
    wanted = parse({name: given.getall(name) for name in given}, rooms.settings)
    counts = await rooms.usage.count(request.user, wanted)
    strange = await rooms.codes.look(wanted.customer, wanted.product, wanted.types)
    return Response(counts, headers={**UNCACHED, **slips.headers(slip.text for slip in strange)})
