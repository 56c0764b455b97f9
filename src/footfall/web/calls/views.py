"""The calls about saved views, and about links that show a statistic without a sign-in."""

import asyncio
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import PathParameter

from footfall.errors import Code, RequestRefused
from footfall.views import OpenedShare, ShownShare, ShownView
from footfall.web.calls.request import UNCACHED, SignedInRequest, read_json
from footfall.web.calls.statistics import FORMATS, write_answer
from footfall.web.dependencies import Services

ViewId = Annotated[str, PathParameter(description="The view's `id`.")]
ShareId = Annotated[str, PathParameter(description="The link's `id`.")]
LinkToken = Annotated[str, PathParameter(description="What the link has behind `/shared/`.")]
ShareFile = Annotated[str, PathParameter(description="What to show of it.")]

# What a link shows under which name, and the format of a statistic that it is.
FILES: Final = {
    "data.json": "json",
    "data.csv": "csv",
    "chart.vl.json": "vega",
    "chart.svg": "svg",
    "chart.png": "png",
}


async def save_view(request: SignedInRequest, services: NamedDependency[Services]) -> Response[ShownView]:
    body = await read_json(request, services)
    return _response(await asyncio.to_thread(services.views.save, request.user, body))


async def list_views(request: SignedInRequest, services: NamedDependency[Services]) -> Response[list[ShownView]]:
    return _response(await asyncio.to_thread(services.views.all, request.user))


async def show_view(request: SignedInRequest, services: NamedDependency[Services], view: ViewId) -> Response[ShownView]:
    return _response(await asyncio.to_thread(services.views.show, request.user, view))


async def remove_view(
    request: SignedInRequest, services: NamedDependency[Services], view: ViewId
) -> Response[ShownView]:
    return _response(await asyncio.to_thread(services.views.remove, request.user, view))


async def add_share(request: SignedInRequest, services: NamedDependency[Services]) -> Response[ShownShare]:
    body = await read_json(request, services)
    base_url = services.forwarded.base_url(request.scope)
    return _response(await asyncio.to_thread(services.shares.add, request.user, body, base_url))


async def list_shares(request: SignedInRequest, services: NamedDependency[Services]) -> Response[list[ShownShare]]:
    return _response(await asyncio.to_thread(services.shares.all, request.user))


async def remove_share(
    request: SignedInRequest, services: NamedDependency[Services], share: ShareId
) -> Response[ShownShare]:
    return _response(await asyncio.to_thread(services.shares.remove, request.user, share))


async def show_shared(
    request: Request[Any, Any, Any], services: NamedDependency[Services], link: LinkToken, file: ShareFile
) -> Response[bytes]:
    """Show what a link shows, in one of its forms."""
    wanted = FILES.get(file)
    if wanted is None:
        raise RequestRefused(Code.REQUEST_NOT_FOUND, f"a link has: {', '.join(FILES)}")
    opened = await asyncio.to_thread(services.shares.open, link)
    # For the audit log, which has a link by its id and never by its token.
    request.state.audit_target = opened.share.id
    body = await services.shares.answer(link, opened, wanted, partial(_answer, services, wanted))
    headers = {
        **UNCACHED,
        "content-disposition": f'inline; filename="{file}"',
        # An SVG is shown, not run; nothing that it holds asks anybody.
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return Response(body, media_type=FORMATS[wanted], headers=headers)


async def _answer(services: Services, wanted: str, opened: OpenedShare) -> bytes:
    share = opened.share
    question = await asyncio.to_thread(services.usage.parse, share.call, share.parameters)
    found = await services.usage.ask(opened.user, question, queue=f"share {share.id}")
    if wanted == "json":
        return msgspec.json.encode(found) + b"\n"
    timezone = (share.parameters.get("timezone") or ["UTC"])[0]
    # A table of a link is for spreadsheets.
    return await write_answer(services, share.call, found, wanted, timezone, safe=True)


def _response(found: Any) -> Response[Any]:
    return Response(found, status_code=200, headers=UNCACHED)
