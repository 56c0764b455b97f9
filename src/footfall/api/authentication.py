"""The door of the calls that need a user."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from footfall.accounts import Accounts
from footfall.api.origins import Origins


class SignIn:
    """A guard of the framework: signs the request's user in, before anything of its body is read.

    Raises Unauthenticated, and RequestRefused when an address has guessed too often.
    """

    def __init__(self, accounts: Accounts, origins: Origins) -> None:
        self._accounts = accounts
        self._origins = origins

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        address = self._origins.address(connection.scope)
        header = connection.headers.get("authorization")
        connection.scope["user"] = await self._accounts.authenticate(header, address)
