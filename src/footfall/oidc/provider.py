"""The provider: its description (OpenID Connect Discovery) and its keys, each kept for a while."""

import asyncio
from collections.abc import Mapping
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
        self._failed: tuple[int, SignInRefused] | None = None
        # Those who come meanwhile wait for the same answer.
        self._asking = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """The provider's description. Raises SignInRefused."""
        async with self._asking:
            if self._metadata is None or self._age_ms(self._metadata[0]) >= KEPT_MS:
                if self._failed is not None and self._age_ms(self._failed[0]) < ASKED_AGAIN_MS:
                    raise self._failed[1]
                self._metadata = self._clock.now_ms(), await self._discover()
            return self._metadata[1]

    async def keys(self, key_id: str | None) -> list[dict[str, Any]]:
        """The keys, as JSON Web Keys, with which a token of this key id may be signed. Raises SignInRefused."""
        metadata = await self.metadata()
        async with self._asking:
            if self._keys is None or self._age_ms(self._keys[0]) >= KEPT_MS:
                await self._read_keys(metadata)
            elif not self._matching(key_id) and self._age_ms(self._keys[0]) >= ASKED_AGAIN_MS:
                # The provider has a new key.
                await self._read_keys(metadata)
            return self._matching(key_id)

    def _matching(self, key_id: str | None) -> list[dict[str, Any]]:
        _, keys = self._keys or (0, [])
        return [key for key in keys if key_id is None or key.get("kid") == key_id]

    async def _read_keys(self, metadata: Metadata) -> None:
        answer = await self._fetcher.fetch(metadata.jwks_uri)
        found = _decode(answer.body, _KeySet) if answer.status == _OK else None
        if found is None:
            raise SignInRefused(Refusal.UNAVAILABLE, f"{metadata.jwks_uri} has no keys: status {answer.status}")
        self._keys = self._clock.now_ms(), found.keys

    async def _discover(self) -> Metadata:
        try:
            return await self._read_metadata()
        except SignInRefused as error:
            self._failed = self._clock.now_ms(), error
            raise

    async def _read_metadata(self) -> Metadata:
        url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
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


Kind = TypeVar("Kind")


def _decode(body: bytes, kind: type[Kind]) -> Kind | None:
    """The body as JSON of a kind; None when it is not."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
