"""What the table of calls says of each."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from litestar import Request
from msgspec import Struct

from footfall.accounts import KeyScope
from footfall.errors import Code

# Codes of every call that needs a user.
_SIGN_IN: Final = (
    Code.REQUEST_UNAUTHORIZED,
    Code.REQUEST_AUTHORIZATION_FAILURE,
    Code.REQUEST_RATE_LIMITED,
    Code.SERVICE_UNAVAILABLE,
)

# Codes of a call that reads a body and checks what the user may do.
CHANGE: Final = (
    Code.REQUEST_INPUT_MALFORMED,
    Code.REQUEST_PARAMETER_MALFORMED,
    Code.REQUEST_AUTHORIZATION_FAILURE,
    Code.REQUEST_TIMED_OUT,
    Code.REQUEST_TOO_LARGE,
    Code.REQUEST_UNSUPPORTED_MEDIA_TYPE,
)


class PageRoute(Struct, frozen=True):
    """A page for people, whose room answers its requests by itself: who is signed in, errors and headers too.

    The page of the path `/` is for browsers alone: programs are sent to the description, as they always were.
    """

    method: Literal["GET", "POST"]
    path: str
    answer: Callable[[Request[Any, Any, Any]], Awaitable[Any]]

    @property
    def name(self) -> str:
        """The method and the path, by which metrics know the page."""
        return f"{self.method} {self.path}"


class Route(Struct, frozen=True):
    """A call. `signed_in`: it needs a user. `public`: the OpenAPI document has it.

    A `published` call has clients from before footfall: it ignores unknown parameters and keys, and warns of them.
    Other calls that need a user refuse them.

    `scopes` are those of which a key must have one to make the call; empty, no key makes it. A password may make every
    call that its user may.

    `audit` names the action that the audit log has of the call; empty, it has none.

    `opened_by` names the setting that opens the call to everyone, although it is `signed_in`.

    `errors` are codes of this call alone. `codes` adds those that every call has, or every one that needs a user.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    call: Callable[..., Awaitable[Any]]
    tag: str = "Service"
    signed_in: bool = False
    scopes: tuple[KeyScope, ...] = ()
    audit: str = ""
    opened_by: str = ""
    public: bool = True
    published: bool = False
    errors: tuple[Code, ...] = ()

    @property
    def name(self) -> str:
        """The method and the path, by which metrics and manual know the call."""
        return f"{self.method} {self.path}"

    @property
    def strict(self) -> bool:
        """Whether unknown query parameters are refused. Load balancers and scrapers may send some."""
        return self.signed_in and not (self.published or self.opened_by)

    @property
    def changes(self) -> bool:
        """Whether the call changes what belongs to a user."""
        return self.signed_in and self.method == "POST"

    @property
    def codes(self) -> tuple[Code, ...]:
        """All codes that the call can answer with."""
        found = (*self.errors, *(_SIGN_IN if self.signed_in else ()), Code.REQUEST_GENERAL_FAILURE)
        return tuple(dict.fromkeys(found))
