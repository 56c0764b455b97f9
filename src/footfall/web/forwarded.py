"""The client's address and the URL that a request was sent to, as they are outside of proxies."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from litestar.types import Scope

from footfall.addresses import TrustedProxies
from footfall.settings import Settings

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_FORWARDED = re.compile(r'(?:^|[;,])[ \t]*(proto|host)[ \t]*=[ \t]*("[^"]*"|[^;,\s]*)', re.IGNORECASE)
_NAMED_PORT = re.compile(r":[0-9]+$")
_NUMBER = re.compile(r"[0-9]{1,5}")
# The paths of links: the part behind opens a report's file, or what a shared link shows.
_LINK = re.compile(r"(/files/[^/]*/|/shared/)[^/]*")
# Characters of a path that are logged: anyone may send one of 64 KiB.
_PATH_CHARS_MAX = 200


class Forwarded:
    """Reads what a request says of itself, and what trusted proxies say of it (`Forwarded`, `X-Forwarded-*`).

    Raises ValueError when `trusted_proxies` has an entry that is no address and no network.
    """

    def __init__(self, settings: Settings) -> None:
        self._public_url = settings.public_url.rstrip("/")
        self._proxies = TrustedProxies(settings)

    def base_url(self, scope: Scope) -> str:
        """The URL of the service, without a slash at the end: `public_url`, else what the request says.

        A name from outside counts only in the shape of a host, so that nobody can put anything else into a link.
        """
        if self._public_url:
            return self._public_url
        said = self._read_proxy_headers(scope)
        proto = said.get("proto", "").lower()
        scheme = proto if proto in ("http", "https") else scope["scheme"]
        names = (said.get("host", ""), _join_header(scope, b"host") or "")
        host = next((name for name in names if _is_host(name)), None) or _listening_address(scope)
        host = _with_port(host, said.get("port", ""), scheme)
        prefix = said.get("prefix", "").rstrip("/")
        return f"{scheme}://{host}{prefix if _PREFIX.fullmatch(prefix) else scope.get('root_path', '')}"

    def is_cross_origin(self, scope: Scope) -> bool:
        """Whether a browser says that a page of another origin has it send this. Other programs say nothing."""
        site = _join_header(scope, b"sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        origin = _join_header(scope, b"origin")
        if origin is None:
            return False
        own = {urlsplit(self.base_url(scope)).netloc.lower(), (_join_header(scope, b"host") or "").lower()}
        return urlsplit(origin).netloc.lower() not in own - {""}

    def client_address(self, scope: Scope) -> str:
        """The client's address, as trusted proxies tell it."""
        return self._proxies.client_address(_peer(scope), scope["headers"])

    def _read_proxy_headers(self, scope: Scope) -> dict[str, str]:
        """What trusted proxies say of the request as the client sent it: of several values, the first."""
        if not self._proxies.trust(_peer(scope)):
            return {}
        said: dict[str, str] = {}
        for name, value in _FORWARDED.findall(_join_header(scope, b"forwarded") or ""):
            said.setdefault(name.lower(), value.strip('"'))
        for name in ("proto", "host", "port", "prefix"):
            if values := _split(_join_header(scope, b"x-forwarded-" + name.encode())):
                said[name] = values[0]
        return said


def requested_path(scope: Scope) -> str:
    """The path that a request asks for, below the root of the application, which some servers have in both.

    The framework's URL of a request cannot be read with some names of hosts.
    """
    root, path = str(scope.get("root_path", "")), scope["path"]
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def loggable_path(path: str) -> str:
    """The beginning of a path, as logs have it: without the token of a link, which whoever reads the log could use."""
    return _LINK.sub(r"\1***", path)[:_PATH_CHARS_MAX]


def _is_host(name: str) -> bool:
    """Whether this names a host, perhaps with a port: one that a URL can have."""
    if not _HOST.fullmatch(name):
        return False
    try:
        parts = urlsplit(f"//{name}")
        return parts.port != 0 and (not name.startswith("[") or ip_address(parts.hostname or "").version == 6)
    except ValueError:
        return False


def _with_port(host: str, port: str, scheme: str) -> str:
    """The host with the port that a proxy says, unless the host has a port or the port is the scheme's default."""
    if _NAMED_PORT.search(host) or not (_NUMBER.fullmatch(port) and 0 < int(port) < 2**16):
        return host
    return host if int(port) == {"http": 80, "https": 443}[scheme] else f"{host}:{int(port)}"


def _peer(scope: Scope) -> str:
    """The address at the other end of the connection; empty for a Unix socket."""
    client = scope.get("client")
    return client[0] if client else ""


def _listening_address(scope: Scope) -> str:
    """The address that the server listens on, for a request without a usable `Host`."""
    host, port = scope.get("server") or ("localhost", None)
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name


def _join_header(scope: Scope, name: bytes) -> str | None:
    """All values of the header, joined with commas (RFC 9110, section 5.3); None when there is none."""
    values: Iterable[bytes] = [value for key, value in scope["headers"] if key == name]
    return b",".join(values).decode("latin-1") or None


def _split(value: str | None) -> list[str]:
    return [item.strip() for item in (value or "").split(",") if item.strip()]
