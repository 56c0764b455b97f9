"""The calls about the guides: pages for people, made from the Markdown of `docs/` by `footfall.web.openapi.guides`."""

import asyncio
from typing import Annotated, Any

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import PathParameter

from footfall.web.calls.request import UNCACHED
from footfall.web.dependencies import Services
from footfall.web.openapi.guides import GUIDE_POLICY

Part = Annotated[str, PathParameter(description="A part of the path.")]


async def list_guides(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Response[bytes]:
    base_url = services.forwarded.base_url(request.scope)
    return _page(await asyncio.to_thread(services.guides.contents, base_url))


async def show_guide(
    request: Request[Any, Any, Any], services: NamedDependency[Services], part: Part
) -> Response[bytes]:
    base_url = services.forwarded.base_url(request.scope)
    page = await asyncio.to_thread(services.guides.page, part, base_url)
    if page is None:
        raise NotFoundException
    return _page(page)


async def show_attached(services: NamedDependency[Services], part: Part, name: Part) -> Response[bytes]:
    """A picture, or an example of the settings or of what stands in front of the service."""
    found = await asyncio.to_thread(services.guides.attached, part, name)
    if found is None:
        raise NotFoundException
    content, media_type = found
    return Response(content, media_type=media_type, headers={"content-security-policy": "default-src 'none'"})


def _page(page: str) -> Response[bytes]:
    headers = {**UNCACHED, "content-security-policy": GUIDE_POLICY}
    return Response(page.encode(), media_type="text/html", headers=headers)
