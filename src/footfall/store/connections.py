"""The address of the events store, the connections that threads share, and their timeouts.

A store that hangs takes requests and never answers; its own limit of a statement does not end that. So each connection
has a read timeout, by the limit of its use and not by the longest of all.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Generic, TypeVar
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


Use = TypeVar("Use")
Connection = TypeVar("Connection")


class ClientPool(Generic[Use, Connection]):
    """One connection for each use, opened on the first call; thread-safe.

    The first caller opens it, outside the lock, and the others wait for that attempt, however it ends: when the store
    hangs, all wait for one timeout together, and not one after the other.
    """

    def __init__(self, connect: Callable[[Use], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._made: dict[Use, Connection] = {}
        self._attempts: dict[Use, Future[Connection]] = {}

    def get(self, use: Use) -> Connection:
        """The connection for this use; raises what making it raises."""
        with self._lock:
            if use in self._made:
                return self._made[use]
            attempt = self._attempts.get(use)
            is_first = attempt is None
            attempt = attempt or self._attempts.setdefault(use, Future())
        return self._open(use, attempt) if is_first else attempt.result()

    def drop(self, use: Use, connection: Connection) -> None:
        """Forget this connection, so that the next who wants one makes it; nothing happens where it is another."""
        with self._lock:
            if self._made.get(use) is connection:
                del self._made[use]

    def drop_all(self) -> list[Connection]:
        """Forget all connections, and keep none whose making has begun; gives those that were there."""
        with self._lock:
            made = list(self._made.values())
            self._made.clear()
            self._attempts.clear()
        return made

    def _open(self, use: Use, attempt: Future[Connection]) -> Connection:
        try:
            connection = self._connect(use)
        except BaseException as error:
            with self._lock:
                self._end(use, attempt)
            attempt.set_exception(error)
            raise
        with self._lock:
            if self._end(use, attempt):
                self._made[use] = connection
        attempt.set_result(connection)
        return connection

    def _end(self, use: Use, attempt: Future[Connection]) -> bool:
        """Whether the attempt counts: those before `drop_all` do not."""
        if self._attempts.get(use) is not attempt:
            return False
        del self._attempts[use]
        return True


# Seconds that a statement may overrun its own limit before the connection is given up.
GRACE_S = 30
# The limit, in seconds, of statements about quarantine and late events, which is no setting.
_LOOK_S = 60
# The timeout, in seconds, of a request about a running statement: its progress, or its end.
_CONTROL_S = 5


class Timeouts:
    """The read timeout of each use, in seconds. They are few, because a connection is kept for each."""

    def __init__(self, settings: Settings, grace_s: int = GRACE_S) -> None:
        self._grace_s = grace_s
        self._limits_s = sorted(
            {
                settings.codes_timeout_s,
                settings.estimate_timeout_s,
                settings.receipt_timeout_s,
                settings.usage_timeout_s,
                settings.report_timeout_s,
                _LOOK_S,
            }
        )
        # For a statement without a limit of its own.
        self.unlimited_s = settings.report_timeout_s + grace_s
        self.load_s = settings.store_load_timeout_s
        self.control_s = _CONTROL_S

    def of_statement(self, limit_s: float) -> int:
        """For a statement with this limit, 0 for none; a limit between those of two uses counts as the longer one."""
        if limit_s <= 0:
            return self.unlimited_s
        return next((known_s for known_s in self._limits_s if limit_s <= known_s), self._limits_s[-1]) + self._grace_s
