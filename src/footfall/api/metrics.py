"""The call that Prometheus makes."""

import asyncio
from typing import Any, Final

from litestar import Request, Response
from litestar.di import NamedDependency

from footfall.api.reporting import UNCACHED
from footfall.api.rooms import Rooms
from footfall.errors import Code, RequestRefused
from footfall.metrics import render

# Seconds after which a disk or a process that kept the metrics may give them.
RETRY_AFTER_S: Final = 5
# The name and version of Prometheus's text format; the framework adds the character set.
TEXT: Final = "text/plain; version=0.0.4"


async def show_metrics(request: Request[Any, Any, Any], rooms: NamedDependency[Rooms]) -> Response[str]:
    """For anyone where the settings say so, else for admins."""
    if not rooms.settings.metrics_public and not request.user.admin:
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "the metrics are for admins only")
    try:
        text = render(await asyncio.to_thread(rooms.gauges.read))
    except OSError as error:
        why = f"the metrics cannot be read now: {error.strerror or error}"
        raise RequestRefused(Code.SERVICE_UNAVAILABLE, why, retry_after_s=RETRY_AFTER_S) from error
    return Response(text, media_type=TEXT, headers=UNCACHED)
