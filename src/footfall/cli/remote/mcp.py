"""`footfall mcp`: the statistics of a service as tools for language models, on standard input and output."""

import asyncio
import json
from typing import Any, Final

import click
from footfall_client import ServiceError, Unreachable
from footfall_client.calls import Request, Steps, ask, exchange
from footfall_client.service import AsyncClient

from footfall.cli.remote.connecting import RemoteService, service_command
from footfall.mcp import McpMissing, Told, open_tools, require_mcp

# A statistic may take so long that a program would ask again; a model waits.
_TIMEOUT_S: Final = 120.0
_REFUSED: Final = (400, 401, 403, 404, 406, 409, 410, 413, 429, 503)


@click.command()
@service_command
def mcp(service: RemoteService) -> None:
    """Serve statistics, plan, reports and receipts to a language model's client (MCP) on standard input and output.

    The tools only read, with the rights of the user or key of the profile. It needs the extra `footfall[mcp]`. The
    client starts the command, and ends it by closing its input.

    \b
    Example, in the configuration of a client:
      {"mcpServers": {"footfall":
        {"command": "footfall", "args": ["mcp", "--profile", "board"]}}}
    """
    service.require_auth()
    try:
        require_mcp()
    except McpMissing as error:
        raise click.ClickException(str(error)) from error
    asyncio.run(_serve(service))


async def _serve(service: RemoteService) -> None:
    async with AsyncClient(service.url, service.auth, timeout_s=_TIMEOUT_S) as client:
        document = await client.run(ask("/openapi.json"))
        if not isinstance(document, dict) or "paths" not in document:
            raise click.ClickException("no answer of footfall: is the address right?")

        async def asked(target: str) -> Told:
            try:
                return await client.run(_get(target))
            except (ServiceError, Unreachable) as error:
                return Told(getattr(error, "status", 503), _as_problem(error))

        await open_tools(document).serve_stdio(asked, service.url)


def _get(target: str) -> "Steps[Told]":
    request = Request("GET", target, headers={"Accept": "application/json"})
    answer = yield from exchange(request, taken=_REFUSED)
    return Told(answer.status, bytes(answer.body))


def _as_problem(error: Exception) -> bytes:
    found: Any = [{"value": {"message": str(error)}, "children": []}]
    return json.dumps(found).encode()
