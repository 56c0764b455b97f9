"""The calls about events: they are collected, and looked up by their batch."""

from typing import Annotated

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.types import ASGIApp

from footfall.receipts import Receipt
from footfall.web.calls.request import UNCACHED, SignedInRequest
from footfall.web.dependencies import Services

Batch = Annotated[str, PathParameter(description="The batch that the request's events share.")]


async def create_events(services: NamedDependency[Services]) -> ASGIApp:
    """Return the raw handler of `POST /events`.

    The dispatcher calls that handler itself; only other spellings of the path, such as `/events/`, are routed to here.
    """
    return services.collect


async def find_receipt(
    request: SignedInRequest, services: NamedDependency[Services], batch: Batch
) -> Response[Receipt]:
    """Tell what became of each event of a request."""
    return Response(await services.receipts.find(request.user, batch), headers=UNCACHED)
