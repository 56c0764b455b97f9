"""The call about what became of a request's events."""

from typing import Annotated, Any

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import PathParameter

from footfall.api.reporting import UNCACHED
from footfall.api.rooms import Rooms
from footfall.receipts import Receipt
from footfall.state import User

Batch = Annotated[str, PathParameter(description="The batch that the request's events share.")]


async def find_receipt(
    request: Request[User, Any, Any], rooms: NamedDependency[Rooms], batch: Batch
) -> Response[Receipt]:
    return Response(await rooms.receipts.find(request.user, batch), headers=UNCACHED)
