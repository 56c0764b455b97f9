"""The cookies of the page: the one that holds the session's token, and the one that holds the chosen colours."""

from typing import Final
from urllib.parse import urlsplit

from litestar.datastructures import Cookie
from msgspec import Struct

THEMES: Final = ("light", "dark")
_THEME: Final = "footfall_theme"
_KNOWN: Final = "-known"
_BEGUN: Final = "-begun"
_YEAR_S: Final = 365 * 24 * 3600


class CookieKind(Struct, frozen=True):
    """How cookies are named and bound for readers of the service at a URL.

    Over TLS the session's cookie is `Secure`, and browsers take its name for a promise: one that begins with
    `__Host-` was set by this host for all its paths. Behind a proxy that serves other things too, it is bound to our
    path instead, as `__Secure-` allows. Without TLS its name has the port, because cookies of one host are seen on
    all its ports.
    """

    session: str
    path: str
    secure: bool

    @classmethod
    def at(cls, base_url: str) -> "CookieKind":
        """The kind for the URL of the service, without a slash at the end."""
        parts = urlsplit(base_url)
        if parts.scheme != "https":
            return cls(f"footfall-{parts.port or 80}", parts.path or "/", secure=False)
        return cls("__Secure-footfall", parts.path, secure=True) if parts.path else cls("__Host-footfall", "/", True)

    def keep_session(self, token: str, age_s: int) -> Cookie:
        """Have the browser hold a token for so long; scripts do not see it, other sites do not send it."""
        return self._cookie(self.session, token, age_s)

    def drop_session(self) -> Cookie:
        """Have the browser forget the token."""
        return self._cookie(self.session, "", 0)

    def keep_mark(self, mark: str) -> Cookie:
        """Have the browser hold the mark that it has signed in before."""
        return self._cookie(f"{self.session}{_KNOWN}", mark, _YEAR_S)

    def mark_of(self, cookies: dict[str, str]) -> str:
        """The mark that the browser holds; empty where it holds none."""
        return cookies.get(f"{self.session}{_KNOWN}", "")

    def keep_begun(self, begun: str, age_s: int) -> Cookie:
        """Have the browser hold what it needs to come back from the identity provider; nothing, to forget it."""
        return self._cookie(f"{self.session}{_BEGUN}", begun, age_s if begun else 0)

    def begun_of(self, cookies: dict[str, str]) -> str:
        """What the browser holds of a sign-in that it began; empty where it holds nothing."""
        return cookies.get(f"{self.session}{_BEGUN}", "")

    def keep_theme(self, theme: str) -> Cookie:
        """Have the browser hold the chosen colours; without any, those of the machine count."""
        return self._cookie(_THEME, theme, _YEAR_S if theme else 0)

    def _cookie(self, name: str, value: str, age_s: int) -> Cookie:
        # Lax: who follows a link to a page from elsewhere is signed in; a form from elsewhere is not.
        return Cookie(name, self.path, value, age_s, secure=self.secure, httponly=True, samesite="lax")


def read_cookies(header: str) -> dict[str, str]:
    """The cookies of a request, of several with one name the first: browsers send that of the longest path first.

    Whatever else a browser holds for this host is passed over, however it is written: a cookie of another service,
    on another port, must keep nobody from signing in here.
    """
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        found.setdefault(name.strip(), value.strip())
    return found


def theme_of(cookies: dict[str, str]) -> str:
    """The chosen colours; empty for those of the machine."""
    found = cookies.get(_THEME, "")
    return found if found in THEMES else ""
