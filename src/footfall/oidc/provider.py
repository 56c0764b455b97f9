"""The provider: its description (OpenID Connect Discovery) and its keys, each kept for a while."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from footfall.oidc.refusals import Refusal, SignInRefused
from footfall.settings import Settings
from footfall.settings.identity_provider import is_trusted_url
from footfall.system.clock import Clock
from footfall.system.http_client import ExchangeFailed, HttpClient, Reply

# Keys that are withdrawn are trusted no longer than this.
KEPT_MS: Final = 3_600_000
# A token with an unknown key asks for the keys anew, and so often at the most: whoever makes such tokens up must not
# have us flood the provider.
ASKED_AGAIN_MS: Final = 5_000
_OK: Final = 200
Kind = TypeVar("Kind")
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class Metadata(Struct, frozen=True):
    """What the provider says of itself, as far as it is used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _KeySet(Struct, frozen=True):
    keys: list[dict[str, Any]]


class Fetcher:
    """Asks the provider. `timeout_s` bounds a whole exchange, `bytes_max` its whole answer with the head."""

    def __init__(self, timeout_s: float, bytes_max: int) -> None:
        self._client = HttpClient(timeout_s, bytes_max)

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None, form: str | None = None) -> Reply:
        """The answer to a GET, or to a POST of a form. Raises SignInRefused when there is none in time and bounds."""
        if not is_trusted_url(url):
            raise SignInRefused(Refusal.UNAVAILABLE, f"the provider names a URL that is not asked: {url[:200]!r}")
        try:
            if form is None:
                return await self._client.get(url, headers or {})
            return await self._client.post(url, {**_FORM, **(headers or {})}, form.encode())
        except ExchangeFailed as error:
            raise SignInRefused(Refusal.UNAVAILABLE, str(error)) from error


class Provider:
    """The provider that the settings name. One serves all requests of a process, in its event loop."""

    def __init__(self, settings: Settings, fetcher: Fetcher, clock: Clock) -> None:
        self._issuer = settings.oidc_issuer
        self._fetcher = fetcher
        self._clock = clock
        self._metadata: tuple[int, Metadata] | None = None
        self._keys: tuple[int, list[dict[str, Any]]] | None = None
        # The last failure, by its URL: who comes within seconds is told the same, and the provider is left in peace.
        self._failed: dict[str, tuple[int, SignInRefused]] = {}
        # Those who come meanwhile wait for the same answer.
        self._asking = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """The provider's description. Raises SignInRefused."""
        async with self._asking:
            if self._metadata is None or self._age_ms(self._metadata[0]) >= KEPT_MS:
                url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
                self._metadata = await self._once(url, self._read_metadata)
            return self._metadata[1]

    async def keys(self, key_id: str | None) -> list[dict[str, Any]]:
        """The keys, as JSON Web Keys, with which a token of this key id may be signed. Raises SignInRefused."""
        metadata = await self.metadata()
        async with self._asking:
            if self._keys is None or self._age_ms(self._keys[0]) >= KEPT_MS:
                self._keys = await self._once(metadata.jwks_uri, self._read_keys)
            elif not self._matching(key_id) and self._age_ms(self._keys[0]) >= ASKED_AGAIN_MS:
                # The provider has a new key.
                self._keys = await self._once(metadata.jwks_uri, self._read_keys)
            return self._matching(key_id)

    def _matching(self, key_id: str | None) -> list[dict[str, Any]]:
        _, keys = self._keys or (0, [])
        return [key for key in keys if key_id is None or key.get("kid") == key_id]

    async def _once(self, url: str, ask: Callable[[str], Awaitable[Kind]]) -> tuple[int, Kind]:
        """What is read from a URL, and when; a failure counts for some seconds, in which the URL is not asked."""
        failed = self._failed.get(url)
        if failed is not None and self._age_ms(failed[0]) < ASKED_AGAIN_MS:
            raise SignInRefused(failed[1].refusal, str(failed[1]))
        try:
            found = await ask(url)
        except SignInRefused as error:
            self._failed = {url: (self._clock.now_ms(), error)}
            raise
        return self._clock.now_ms(), found

    async def _read_keys(self, url: str) -> list[dict[str, Any]]:
        answer = await self._fetcher.fetch(url)
        found = _decode(answer.body, _KeySet) if answer.status == _OK else None
        if found is None:
            raise SignInRefused(Refusal.UNAVAILABLE, f"{url} has no keys: status {answer.status}")
        return found.keys

    async def _read_metadata(self, url: str) -> Metadata:
        answer = await self._fetcher.fetch(url)
        found = _decode(answer.body, Metadata) if answer.status == _OK else None
        if found is None:
            raise SignInRefused(Refusal.UNAVAILABLE, f"{url} describes no provider: status {answer.status}")
        if found.issuer != self._issuer:
            why = f"{url} is of the issuer {found.issuer[:200]!r}, and the setting oidc_issuer is {self._issuer!r}"
            raise SignInRefused(Refusal.UNAVAILABLE, why)
        return found

    def _age_ms(self, then_ms: int) -> int:
        return self._clock.now_ms() - then_ms


def _decode(body: bytes, kind: type[Kind]) -> Kind | None:
    """The body as JSON of a kind; None when it is not."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
