"""What a request's outside looks like: the address it came from and the URL it was sent to, seen through proxies."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from litestar.types import Scope

from footfall.addresses import TrustedProxies
from footfall.settings import Settings

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_FORWARDED = re.compile(r'(?:^|[;,])[ \t]*(proto|host)[ \t]*=[ \t]*("[^"]*"|[^;,\s]*)', re.IGNORECASE)
_NAMED_PORT = re.compile(r":[0-9]+$")
_NUMBER = re.compile(r"[0-9]{1,5}")


class Origins:
    """Reads a request's own account of itself, and that of proxies where they are trusted.

    Raises ValueError when `trusted_proxies` names something that is no address and no network.
    """

    def __init__(self, settings: Settings) -> None:
        self._public_url = settings.public_url.rstrip("/")
        self._proxies = TrustedProxies(settings)

    def base_url(self, scope: Scope) -> str:
        """Where the service is reached, without a slash at the end: `public_url`, else what the request says.

        Names from the outside are taken only in the shape of a host, so that none can smuggle anything into a link.
        """
        if self._public_url:
            return self._public_url
        told = self._told(scope)
        proto = told.get("proto", "").lower()
        scheme = proto if proto in ("http", "https") else scope["scheme"]
        names = (told.get("host", ""), _header(scope, b"host") or "")
        host = next((name for name in names if _HOST.fullmatch(name)), None) or _bound(scope)
        host = _with_port(host, told.get("port", ""), scheme)
        prefix = told.get("prefix", "").rstrip("/")
        return f"{scheme}://{host}{prefix if _PREFIX.fullmatch(prefix) else scope.get('root_path', '')}"

    def is_foreign(self, scope: Scope) -> bool:
        """Whether a browser says that it sends this for a page of another origin; programs say nothing."""
        site = _header(scope, b"sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        origin = _header(scope, b"origin")
        if origin is None:
            return False
        own = {urlsplit(self.base_url(scope)).netloc.lower(), (_header(scope, b"host") or "").lower()}
        return urlsplit(origin).netloc.lower() not in own - {""}

    def address(self, scope: Scope) -> str:
        """The client's address, as trusted proxies tell it."""
        return self._proxies.client_address(_peer(scope), scope["headers"])

    def _told(self, scope: Scope) -> dict[str, str]:
        """What a trusted proxy says of the request as the client sent it; of several values, the first is that."""
        if not self._proxies.trust(_peer(scope)):
            return {}
        told: dict[str, str] = {}
        for name, value in _FORWARDED.findall(_header(scope, b"forwarded") or ""):
            told.setdefault(name.lower(), value.strip('"'))
        for name in ("proto", "host", "port", "prefix"):
            if values := _list(_header(scope, b"x-forwarded-" + name.encode())):
                told[name] = values[0]
        return told


def _with_port(host: str, port: str, scheme: str) -> str:
    """The host with the port that a proxy tells, unless it names one, or the port is that of the scheme."""
    if _NAMED_PORT.search(host) or not (_NUMBER.fullmatch(port) and 0 < int(port) < 2**16):
        return host
    return host if int(port) == {"http": 80, "https": 443}[scheme] else f"{host}:{int(port)}"


def _peer(scope: Scope) -> str:
    """The address at the other end of the connection; empty for a Unix socket."""
    client = scope.get("client")
    return client[0] if client else ""


def _bound(scope: Scope) -> str:
    """The address that the server listens on, for requests without a usable Host."""
    host, port = scope.get("server") or ("localhost", None)
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name


def _header(scope: Scope, name: bytes) -> str | None:
    """All values of the header as one list, as the standard lets anyone join them."""
    values: Iterable[bytes] = [value for key, value in scope["headers"] if key == name]
    return b",".join(values).decode("latin-1") or None


def _list(value: str | None) -> list[str]:
    return [item.strip() for item in (value or "").split(",") if item.strip()]
