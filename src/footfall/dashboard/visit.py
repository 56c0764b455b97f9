"""One request for a page: who asks, from where, for what; and what a view may answer."""

import shlex
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.types import ASGIApp
from msgspec import Struct, field

from footfall import windows
from footfall.accounts import SignedIn
from footfall.dashboard.address import PageAddress
from footfall.dashboard.cookies import CookieKind, read_cookies
from footfall.dashboard.form import Form
from footfall.state import User
from footfall.web import Parts, requested_path

# How long after a sign-in its user need not be proved again, where an identity provider signs people in.
FRESH_MS: Final = 10 * 60_000


class Rendered(Struct, frozen=True):
    """A template and the values that it shows.

    `headers` stand in place of the usual ones; an empty one is left out. A `formless` page sets no cookie.
    """

    template: str
    values: Mapping[str, Any] = {}
    status: int = 200
    headers: Mapping[str, str] = {}
    formless: bool = False


class Redirect(Struct, frozen=True):
    """Another page is asked for next: a path of ours, with its query, without what stands before our paths.

    With `outside` it is a whole URL, of the identity provider.
    """

    to: str
    outside: bool = False


# A file, a stream or a part of a page is an application of its own, whose headers stay as they are.
Shown = Rendered | Redirect | Response[Any] | ASGIApp


class Visit(Struct, kw_only=True):
    """A request for a page. `root` stands before all our paths, for a service behind a proxy's prefix.

    `policy` is the Content-Security-Policy of the answer, `page_paths` are those of all pages.

    `token` is what the browser holds, signed in or not; views that change it set `new_token`, to "" for none.
    """

    services: Parts
    request: Request[Any, Any, Any]
    page: "PageEntry"
    # When the request came: up to then a page of what is now counts.
    asked_ms: int
    # The same by the monotonic clock.
    begun_s: float
    root: str
    base_url: str
    token: str
    theme: str
    policy: str = ""
    page_paths: frozenset[str] = frozenset()
    # What the audit log has the page's action done to.
    audit_target: str = ""
    signed_in: SignedIn | None = None
    form: Form = field(default_factory=lambda: Form([]))
    new_token: str | None = None
    cookies: list[Cookie] = field(default_factory=list)

    @property
    def user(self) -> User:
        """Who is signed in."""
        assert self.signed_in is not None  # noqa: S101 - a page that is for users is not shown to others
        return self.signed_in.user

    @property
    def is_fresh(self) -> bool:
        """Whether the session began within the last minutes: who is signed in has just proved to be the user."""
        begun_ms = self.signed_in.session.created_ms if self.signed_in else 0
        return self.services.clock.now_ms() - begun_ms < FRESH_MS

    @property
    def address(self) -> PageAddress:
        """The address of the request, as a page links to itself."""
        scope = self.request.scope
        return PageAddress.of(self.root + requested_path(scope), scope["query_string"].decode())

    @property
    def zone(self) -> str:
        """The time zone of the address, else of the browser, else UTC."""
        named = self.request.query_params.get("timezone") or (self.signed_in.session.timezone if self.signed_in else "")
        return named if named and windows.zone(named) else "UTC"

    @property
    def mark(self) -> str:
        """The mark that somebody has signed in with this browser before; empty where it holds none."""
        return CookieKind.at(self.base_url).mark_of(read_cookies(self.request.headers.get("cookie", "")))

    @property
    def client_address(self) -> str:
        """The client's network address."""
        return self.services.forwarded.client_address(self.request.scope)

    def path(self, path: str) -> str:
        """A path of ours, as a link has it."""
        return self.root + path

    def curl(self, path: str, body: str = "") -> str:
        """The command that makes a call of the API: `path` is relative to the service, `body` is JSON."""
        words = ["curl", "-u", self.user.id, f"{self.base_url}/{path.lstrip('/')}"]
        return shlex.join([*words, "-H", "content-type: application/json", "-d", body] if body else words)

    def local(self, target: str, default: str = "/") -> str:
        """A target that a browser sent, without the root, if it is a page of ours; else another."""
        parts = urlsplit(target)
        inside = target.startswith(self.root + "/") and not target.startswith(("//", "/\\"))
        path = target.removeprefix(self.root)
        is_page = path.split("?")[0] == "/" or path.startswith("/dashboard/")
        safe = (
            not (parts.scheme or parts.netloc)
            and target.isprintable()
            and "\\" not in target
            and "//" not in parts.path
            # Browsers resolve `..`, also where it is written with percent signs: it would lead past the root.
            and not {"..", "."} & {unquote(part) for part in parts.path.split("/")}
        )
        return path if inside and is_page and safe else default


View = Callable[[Visit], Awaitable[Shown]]


class PageEntry(Struct, frozen=True, kw_only=True):
    """A page or a form's target. `nav` is its name in the navigation; pages without one do not stand there.

    A page that stands there is marked in it also while a page below its path is shown, or one that is `under` its path.

    It is shown to those who are signed in, unless it is `public`; with `admin` only to admins. `audit` names the action
    that the audit log has of it; empty, it has none.
    """

    path: str
    view: View
    method: Literal["GET", "POST"] = "GET"
    nav: str = ""
    under: str = ""
    public: bool = False
    admin: bool = False
    audit: str = ""

    def mark(self, shown: "PageEntry") -> str:
        """The `aria-current` that this page's link in the navigation has while another, or itself, is shown."""
        if shown.path == self.path:
            return "page"
        is_below = self.path != "/" and f"{shown.under or shown.path}/".startswith(f"{self.path}/")
        return "true" if is_below else ""

    def may_open(self, user: User) -> bool:
        """Whether the page is for this user at all."""
        return user.admin or not self.admin
