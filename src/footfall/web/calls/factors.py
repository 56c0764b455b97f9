"""The calls about the second factor of one's own password."""

import asyncio
from typing import Annotated, TypeVar

from litestar import Response
from litestar.di import NamedDependency
from msgspec import UNSET, Meta, Struct, UnsetType

from footfall.errors import Code, RequestRefused
from footfall.web.calls.keys import decode_body
from footfall.web.calls.request import UNCACHED, SignedInRequest, read_json
from footfall.web.dependencies import Services

Result = TypeVar("Result")


class FactorShown(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whether the password needs a code beside it."""

    active: bool
    recovery_codes: Annotated[int, Meta(description="How many are left.")] | UnsetType = UNSET


class FactorBegun(Struct, frozen=True, kw_only=True):
    """A factor that counts once a code of it was given."""

    secret: Annotated[str, Meta(description="In base32, to be typed into an app.")]
    uri: Annotated[str, Meta(description="The same as an address, which apps read from a QR code.")]


class FactorConfirmation(Struct, kw_only=True, forbid_unknown_fields=True):
    """A code of the begun factor."""

    code: Annotated[str, Meta(min_length=1, max_length=64, description="The six digits that the app shows.")]


class FactorConfirmed(Struct, frozen=True, kw_only=True, rename="camel"):
    """Codes for when the app is lost, each of which counts once; they are shown this once."""

    recovery_codes: list[str]


async def show_factor(request: SignedInRequest, services: NamedDependency[Services]) -> Response[FactorShown]:
    left = await asyncio.to_thread(services.accounts.factors.left, request.user)
    return _answer(FactorShown(active=left is not None, recovery_codes=UNSET if left is None else left))


async def begin_factor(request: SignedInRequest, services: NamedDependency[Services]) -> Response[FactorBegun]:
    begun = await asyncio.to_thread(services.accounts.factors.begin, request.user)
    if begun is None:
        raise _refused("there is a second factor already: remove it first")
    return _answer(FactorBegun(secret=begun.secret, uri=begun.uri))


async def confirm_factor(request: SignedInRequest, services: NamedDependency[Services]) -> Response[FactorConfirmed]:
    wanted = decode_body(await read_json(request, services), FactorConfirmation)
    codes = await asyncio.to_thread(services.accounts.factors.confirm, request.user, wanted.code)
    if codes is None:
        raise _refused("this is not a code of a second factor that was begun: is the clock of the device right?")
    return _answer(FactorConfirmed(recovery_codes=codes))


async def remove_factor(request: SignedInRequest, services: NamedDependency[Services]) -> Response[FactorShown]:
    await asyncio.to_thread(services.accounts.factors.remove, request.user)
    return _answer(FactorShown(active=False))


def _answer(shown: Result) -> Response[Result]:
    return Response(shown, status_code=200, headers=UNCACHED)


def _refused(why: str) -> RequestRefused:
    return RequestRefused(Code.REQUEST_INPUT_MALFORMED, why)
