"""The calls about keys: users make, list, rotate and revoke their own, admins those of all."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

import msgspec
from litestar import Response
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from footfall.accounts import BadKey, IssuedKey, KeyScope, WantedKey
from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import limits
from footfall.state import ApiKey, TooManyKeys, User
from footfall.web.calls.request import UNCACHED, SignedInRequest, read_json
from footfall.web.dependencies import Services
from footfall.wire import explain_syntax, mend_json

# Keys of a page.
PAGE_KEYS_MAX: Final = 500
# Seconds of an overlap: a month to deploy a key everywhere.
OVERLAP_S_MAX: Final = 30 * 86_400

KeyId = Annotated[str, PathParameter(description="The key's `id`.")]
KeyCode = Annotated[str, Meta(min_length=1, max_length=limits.CODE_CHARS_MAX)]
Body = TypeVar("Body")


class KeyRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """A key to be made. Without `customers` it sees those of its user, without `products` all."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="For people: what the key is for.")]
    scopes: Annotated[list[KeyScope], Meta(min_length=1, max_length=4, description="The calls that it may make.")]
    customers: Annotated[list[KeyCode], Meta(max_length=100)] = []
    products: Annotated[list[KeyCode], Meta(max_length=100)] = []
    days: Annotated[int, Meta(ge=1, le=limits.KEY_DAYS_MOST, description="Its life in days.")] | UnsetType = UNSET
    user: Annotated[str, Meta(max_length=200, description="Whose key, for admins; else one's own.")] | UnsetType = UNSET


class KeyRotation(Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How a key is rotated."""

    overlap_seconds: (
        Annotated[int, Meta(ge=0, le=OVERLAP_S_MAX, description="For how long the old key still works.")] | UnsetType
    ) = UNSET


class KeyShown(Struct, frozen=True, kw_only=True, rename="camel"):
    """A key without its text; times are in ms since 1970, and missing where there are none."""

    id: str
    user: str
    name: str
    scopes: tuple[str, ...]
    customers: tuple[str, ...]
    products: tuple[str, ...]
    created: int
    expires: int | UnsetType = UNSET
    last_used: Annotated[int, Meta(description="Exact to a minute.")] | UnsetType = UNSET
    replaces: Annotated[str, Meta(description="The key whose place it took.")] | UnsetType = UNSET


class KeyIssued(KeyShown, frozen=True, kw_only=True, rename="camel"):
    """A new key with its text, which is shown this once."""

    key: str


class KeysPage(Struct, frozen=True, kw_only=True):
    """Keys ordered by id; `next` is missing on the last page."""

    keys: list[KeyShown]
    next: str | UnsetType = UNSET


async def make_key(request: SignedInRequest, services: NamedDependency[Services]) -> Response[KeyIssued]:
    wanted = decode_body(await read_json(request, services), KeyRequest)
    return await asyncio.to_thread(_make, request.user, wanted, services)


async def list_keys(request: SignedInRequest, services: NamedDependency[Services]) -> Response[KeysPage]:
    after = request.query_params.get("after", "")
    if not (after.isascii() and (after.isprintable() or not after)):
        code = Code.REQUEST_PARAMETER_MALFORMED
        problem = Problem(code, "after", "must be the `next` of the page before")
        raise RequestRefused(code, "the request cannot be read: one thing is wrong", (problem,))
    account = None if request.user.admin else request.user.account
    found = await asyncio.to_thread(services.accounts.keys.page, account, after, PAGE_KEYS_MAX + 1)
    shown = [_shown(*each) for each in found[:PAGE_KEYS_MAX]]
    return Response(KeysPage(keys=shown, next=shown[-1].id if len(found) > PAGE_KEYS_MAX else UNSET), headers=UNCACHED)


async def rotate_key(request: SignedInRequest, services: NamedDependency[Services], key: KeyId) -> Response[KeyIssued]:
    wanted = decode_body(await read_json(request, services), KeyRotation)
    overlap_s = wanted.overlap_seconds
    if overlap_s is UNSET:
        overlap_s = services.settings.key_overlap_s
    return await asyncio.to_thread(_rotate, request.user, key, overlap_s, services)


async def revoke_key(request: SignedInRequest, services: NamedDependency[Services], key: KeyId) -> Response[KeyShown]:
    return Response(await asyncio.to_thread(_revoke, request.user, key, services), status_code=200, headers=UNCACHED)


def _make(by: User, wanted: KeyRequest, services: Services) -> Response[KeyIssued]:
    user = by
    if wanted.user is not UNSET and wanted.user != by.id:
        if not by.admin:
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, "only admins make keys of other users")
        found = services.accounts.get(wanted.user)
        if found is None:
            raise RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such user")
        user = found
    key = WantedKey(
        name=wanted.name,
        scopes=tuple(wanted.scopes),
        customers=tuple(wanted.customers),
        products=tuple(wanted.products),
        days=None if wanted.days is UNSET else wanted.days,
    )
    return _issued(user, _told(lambda: services.accounts.keys.issue(user, key, by)))


def _rotate(by: User, key_id: str, overlap_s: int, services: Services) -> Response[KeyIssued]:
    user, key = _find(by, key_id, services)
    issued = _told(lambda: services.accounts.keys.rotate(key, overlap_s, by))
    if issued is None:
        raise _no_key()
    return _issued(user, issued)


def _revoke(by: User, key_id: str, services: Services) -> KeyShown:
    user, key = _find(by, key_id, services)
    if not services.accounts.keys.revoke(key.id):
        raise _no_key()
    return _shown(user, key)


def _find(by: User, key_id: str, services: Services) -> tuple[User, ApiKey]:
    """The key with this id and its user, when it is one's own, or one is an admin. Raises RequestRefused."""
    found = services.accounts.keys.get(key_id)
    if found is None or not (by.admin or found[0].account == by.account):
        raise _no_key()
    return found


Result = TypeVar("Result")


def _told(make: Callable[[], Result]) -> Result:
    """What the call makes; a refusal becomes one of the wire."""
    try:
        return make()
    except BadKey as error:
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, f"the key cannot be made: {error}") from error
    except TooManyKeys as error:
        raise RequestRefused(Code.REQUEST_RATE_LIMITED, f"{error}: revoke one first") from error


def decode_body(body: bytes, kind: type[Body]) -> Body:
    """The body as a struct. Raises RequestRefused, which says what is wrong."""
    try:
        return msgspec.json.decode(mend_json(body) or b"{}", type=kind)
    except msgspec.ValidationError as error:
        why = str(error)
    except (ValueError, RecursionError) as error:
        why = explain_syntax(body, error)
    problem = Problem(Code.REQUEST_INPUT_MALFORMED, "body", why)
    raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "the request cannot be read: one thing is wrong", (problem,))


def _issued(user: User, issued: IssuedKey) -> Response[KeyIssued]:
    shown = msgspec.structs.asdict(_shown(user, issued.key))
    return Response(KeyIssued(**shown, key=issued.text), status_code=200, headers=UNCACHED)


def _shown(user: User, key: ApiKey) -> KeyShown:
    return KeyShown(
        id=key.id,
        user=user.id,
        name=key.name,
        scopes=key.scopes,
        customers=key.customers,
        products=key.products,
        created=key.created_ms,
        expires=UNSET if key.expires_ms is None else key.expires_ms,
        last_used=UNSET if key.used_ms is None else key.used_ms,
        replaces=UNSET if key.replaces is None else key.replaces,
    )


def _no_key() -> RequestRefused:
    return RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such key")
