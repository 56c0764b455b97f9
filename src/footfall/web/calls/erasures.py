"""The calls about erasures, for admins: erase a person, try it first, and read the receipts."""

from typing import Annotated

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec import Meta, Struct

from footfall.erasure import DryRun, ErasureShown, ErasureWanted
from footfall.errors import Code, RequestRefused
from footfall.ingest import decode_idempotency_key
from footfall.settings import limits
from footfall.web.calls.keys import decode_body
from footfall.web.calls.request import UNCACHED, SignedInRequest, read_json
from footfall.web.dependencies import Services

_LISTED_MAX = 100
ErasureId = Annotated[str, PathParameter(description="The erasure's `id`.")]
ErasedCode = Annotated[str, Meta(min_length=1, max_length=limits.CODE_CHARS_MAX)]


class ErasureRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is erased: a value of a context key, at these customers and products, or at all of them."""

    key: Annotated[str, Meta(min_length=1, max_length=200, description="A context key of the plan, such as `userId`.")]
    value: Annotated[str, Meta(min_length=1, max_length=limits.CONTEXT_VALUE_CHARS_MAX, description="The person's.")]
    pseudonymise: Annotated[bool, Meta(description="Keep the events, and put a random name in.")] = False
    customers: Annotated[list[ErasedCode], Meta(max_length=_LISTED_MAX)] = []
    products: Annotated[list[ErasedCode], Meta(max_length=_LISTED_MAX)] = []

    def __repr__(self) -> str:
        """Without the value, because reprs end up in logs."""
        return f"ErasureRequest(key={self.key!r})"


class ErasuresShown(Struct, frozen=True):
    """The newest erasures, the newest first."""

    erasures: list[ErasureShown]


async def order_erasure(request: SignedInRequest, services: NamedDependency[Services]) -> Response[ErasureShown]:
    wanted = await _read(request, services)
    given = request.headers.get("idempotency-key")
    key = "" if given is None else decode_idempotency_key(given.encode("latin-1"), services.settings)
    ordered = await services.erasures.order(wanted, request.user.id, key)
    return Response(ordered, status_code=200, headers=UNCACHED)


async def try_erasure(request: SignedInRequest, services: NamedDependency[Services]) -> Response[DryRun]:
    wanted = await _read(request, services)
    return Response(await services.erasures.dry_run(wanted), status_code=200, headers=UNCACHED)


async def list_erasures(request: SignedInRequest, services: NamedDependency[Services]) -> Response[ErasuresShown]:
    _require_admin(request)
    return Response(ErasuresShown(await services.erasures.newest()), headers=UNCACHED)


async def show_erasure(
    request: SignedInRequest, services: NamedDependency[Services], erasure: ErasureId
) -> Response[ErasureShown]:
    _require_admin(request)
    return Response(await services.erasures.find(erasure), headers=UNCACHED)


async def _read(request: SignedInRequest, services: Services) -> ErasureWanted:
    _require_admin(request)
    body = await read_json(request, services)
    # A body may take its time, in which rights may go.
    _require_admin(request)
    asked = decode_body(body, ErasureRequest)
    request.state["audit_details"] = {
        "key": asked.key,
        "pseudonymise": asked.pseudonymise,
        "customers": asked.customers,
        "products": asked.products,
    }
    return ErasureWanted(
        key=asked.key,
        value=asked.value,
        pseudonymise=asked.pseudonymise,
        customers=tuple(asked.customers),
        products=tuple(asked.products),
    )


def _require_admin(request: SignedInRequest) -> None:
    if not request.user.admin:
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "erasures are for admins only")
