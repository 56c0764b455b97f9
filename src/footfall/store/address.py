"""Where the events store is: the embedded engine's own file, or a URL."""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from msgspec import Struct

from footfall.settings import Settings
from footfall.store.errors import StoreUnavailable

_DATABASE = "footfall"


class Endpoint(Struct, frozen=True):
    """What `data_dir/run/engine.json` says; `pipes` is the folder for a client's own, empty where there is none."""

    host: str
    port: int
    user: str
    password: str
    pipes: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.host}:{self.port})"


class Address(Struct, frozen=True, kw_only=True):
    """How to reach the store; `cluster` is empty for a single server."""

    endpoint: Endpoint
    database: str = _DATABASE
    secure: bool = False
    cluster: str = ""
    embedded: bool = False


def read_address(settings: Settings) -> Address:
    """The store's address as it is now; raises StoreUnavailable while the embedded engine has not started."""
    if settings.events_url == "embedded":
        return Address(endpoint=_read_endpoint(settings.data / "run" / "engine.json"), embedded=True)
    return parse_url(settings.events_url)


def parse_url(url: str) -> Address:
    """`clickhouse://user:password@host:port/database?secure=true&cluster=NAME`; raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "clickhouse" or not parts.hostname:
        raise ValueError("events_url must be 'embedded' or clickhouse://user:password@host:port/database")
    options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    if unknown := options.keys() - {"secure", "cluster"}:
        raise ValueError(f"events_url has unknown options: {', '.join(sorted(unknown))}")
    secure = options.get("secure", "false").lower() in ("true", "1")
    endpoint = Endpoint(
        host=parts.hostname,
        port=parts.port or (8443 if secure else 8123),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
    )
    database = unquote(parts.path.strip("/")) or _DATABASE
    return Address(endpoint=endpoint, database=database, secure=secure, cluster=options.get("cluster", ""))


def _read_endpoint(path: Path) -> Endpoint:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoint)
    except (OSError, msgspec.DecodeError) as error:
        raise StoreUnavailable(f"the engine has not written {path}") from error
