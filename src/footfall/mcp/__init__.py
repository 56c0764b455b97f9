"""The Model Context Protocol: read-only tools over statistics, plan, reports and receipts, for language models.

**One way to the numbers.** A tool is a `GET` of the API (`tools`), and its parameters are those that the service's own
description has. `footfall mcp` asks over HTTP, `/mcp` asks the application in its own process: either way the call's
own guards decide who may see what, with the rights of the user or key, and limits, audit and errors are those of the
call. Nothing here knows a user.

**What is told.** Every answer is bounded in bytes, and says its `asOf` and permalink (`results`). What comes from
events is data that anybody may have written: it stands under `untrustedData`, and each answer says so.

**What it costs.** The official SDK (the extra `footfall[mcp]`: 35 MB, half a second to import) is imported by `server`
alone, in `footfall mcp` and, before it serves, in a web process where the setting `mcp` is on.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from footfall.mcp.results import READ_BYTES_MAX, Ask, Told
from footfall.mcp.tools import TOOLS, Tool

if TYPE_CHECKING:
    from footfall.mcp.server import ToolServer

__all__ = ["READ_BYTES_MAX", "TOOLS", "Ask", "McpMissing", "Told", "Tool", "open_tools", "require_mcp"]


class McpMissing(Exception):
    """The extra is not installed; the text says how it is."""


def require_mcp() -> None:
    """Raise McpMissing where the SDK is not installed."""
    if find_spec("mcp") is None:
        raise McpMissing("tools for language models need a library that is not installed: pip install 'footfall[mcp]'")


def open_tools(document: Mapping[str, Any]) -> "ToolServer":
    """What serves the tools of a service with this OpenAPI document. Takes half a second the first time."""
    from footfall.mcp.server import ToolServer  # noqa: PLC0415 - its library is large

    return ToolServer(document)
