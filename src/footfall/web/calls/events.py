"""The calls about events: they are collected, looked up by their batch, and counted."""

from typing import Annotated

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.types import ASGIApp

from footfall import validation
from footfall.receipts import Receipt
from footfall.usage import Counts, parse_counts_request
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


async def count_events(request: SignedInRequest, services: NamedDependency[Services]) -> Response[Counts]:
    """Count events over time and by type; names that neither the plan nor the store knows become a warning."""
    given = request.query_params
    wanted = parse_counts_request({name: given.getall(name) for name in given}, services.settings)
    counts = await services.usage.count(request.user, wanted)
    unknown = await services.codes.find_unknown(wanted.customer, wanted.product, wanted.types)
    return Response(counts, headers={**UNCACHED, **validation.warning_headers(mistake.text for mistake in unknown)})
