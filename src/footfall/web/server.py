"""What is used of uvicorn, the server: how it makes a protocol, its state, and both ends of a connection.

uvicorn accepts connections, and stops in order. Its setting `http` takes a function that makes a protocol; uvicorn
calls it for each connection, with `config`, `server_state`, `app_state` and `_loop`. It calls the protocol's `shutdown`
when it stops. uvicorn makes its own protocols so, but promises it to nobody: pyproject.toml allows only releases that
were tried.
"""

import asyncio
from typing import Any, Protocol

from litestar.types import ASGIApp

from footfall.web.framing import RawHeaders

# Address and port of the client; None for a Unix socket.
Client = tuple[str, int] | None


class ServerConfig(Protocol):
    """What is used of uvicorn's Config."""

    root_path: str

    @property
    def loaded_app(self) -> ASGIApp: ...


class ServerState(Protocol):
    """What is used of uvicorn's state: what it waits for when it stops, and the headers of all answers."""

    connections: set[Any]
    tasks: set[asyncio.Task[None]]
    # Made anew every second, with another `Date`.
    default_headers: RawHeaders


def client_address(transport: asyncio.Transport) -> Client:
    """Address and port of the client; None for a Unix socket, and for a client that is gone already."""
    socket = transport.get_extra_info("socket")
    if socket is None:
        return None
    try:
        name = socket.getpeername()
    except OSError:
        return None
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None


def server_address(transport: asyncio.Transport) -> tuple[str, int | None] | None:
    """Address and port of this end of the connection; the path of a Unix socket."""
    socket = transport.get_extra_info("socket")
    if socket is None:
        return None
    name = socket.getsockname()
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else (name, None)
