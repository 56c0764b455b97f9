"""Signing in with the provider: the way to it, and what comes back."""

import asyncio
import base64
import hmac
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from footfall.accounts import Accounts, Failures, Identity, NotVouched, Vouched
from footfall.addresses import network_of
from footfall.errors import Code, RequestRefused
from footfall.oidc import pending, rules
from footfall.oidc.pending import Pending
from footfall.oidc.provider import Fetcher, Metadata, Provider
from footfall.oidc.refusals import Refusal, SignInRefused
from footfall.settings import Settings
from footfall.state import State
from footfall.system.clock import Clock

log = logging.getLogger("footfall.oidc")

# Seconds after which a sign-in may be finished, when many are.
RETRY_AFTER_S: Final = 2
# What counts as a failure of a network. A provider that does not answer must not be asked for as many as somebody
# sends; one that knows the person, or says no, has cost that person a sign-in there.
_COUNTED: Final = frozenset({Refusal.UNTRUSTED, Refusal.UNAVAILABLE})
# Providers give codes of some hundred characters, Microsoft's of a thousand and more.
_CODE_CHARS_MAX: Final = 8_192
_OK: Final = 200


class LibraryMissing(Exception):
    """The settings name a provider, and what is needed for it is not installed."""


class Started(Struct, frozen=True):
    """Where the browser is sent, and the value of the cookie that it holds meanwhile."""

    url: str
    cookie: str


class Finished(Struct, frozen=True):
    """Who has signed in, and the page that they wanted."""

    vouched: Vouched
    identity: Identity
    target: str


class _Tokens(Struct, frozen=True):
    """What the token endpoint gives for a code."""

    id_token: str
    access_token: str | None = None


class _TokenError(Struct, frozen=True):
    """Why the token endpoint gives none."""

    error: str
    error_description: str = ""


class ProviderSignIn:
    """Signs people in with the provider of the settings. One serves all requests of a process, in its event loop."""

    def __init__(self, settings: Settings, state: State, accounts: Accounts, clock: Clock) -> None:
        require_library()
        from footfall.oidc import tokens  # noqa: PLC0415 - the library is an extra

        self._tokens = tokens
        self._settings = settings
        self._state = state
        self._accounts = accounts
        self._clock = clock
        self._fetcher = Fetcher(settings.oidc_timeout_s, settings.oidc_answer_bytes_max)
        self._provider = Provider(settings, self._fetcher, clock)
        self._failures = Failures(settings.login_failures_max, clock)
        # By network: those of one must not keep all others waiting for a provider that is slow.
        self._finishing: Counter[str] = Counter()
        self._key = b""

    async def begin(self, target: str, redirect_uri: str) -> Started:
        """Begin a sign-in of a browser, which comes back to `redirect_uri`. Raises SignInRefused."""
        metadata = await self._provider.metadata()
        begun, cookie = pending.begin(await self._secret(), target, self._clock.now_ms())
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.oidc_scopes,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
        }
        there = metadata.authorization_endpoint
        return Started(f"{there}{'&' if '?' in there else '?'}{urlencode(asked)}", cookie)

    async def finish(self, query: Mapping[str, str], cookie: str, redirect_uri: str, address: str) -> Finished:
        """Who comes back from the provider with this query, in the browser with this cookie.

        Raises SignInRefused, and RequestRefused after too many failures from the address's network, or when many are
        being finished.
        """
        begun = pending.find(await self._secret(), cookie, self._clock.now_ms())
        if begun is None or not hmac.compare_digest(begun.state.encode(), query.get("state", "").encode()):
            raise _told(address, SignInRefused(Refusal.EXPIRED, "the browser did not begin it, or too long ago"))
        # A failure is counted before the provider is asked, so that many at once cannot exceed the limit.
        network = network_of(address)
        self._require_room(network)
        reserved_ms = self._failures.reserve(("", network))
        # Whoever goes while the provider is asked has failed: else it could be asked without end.
        has_failed = True
        self._finishing[network] += 1
        try:
            finished = await self._finish(query, begun, redirect_uri)
        except SignInRefused as error:
            has_failed = error.refusal in _COUNTED
            raise _told(address, error) from error
        else:
            has_failed = False
            return finished
        finally:
            self._finishing[network] -= 1
            self._finishing += Counter()  # Drops networks with none.
            if not has_failed:
                self._failures.give_back(("", network), reserved_ms)

    def _require_room(self, network: str) -> None:
        """Raise RequestRefused while many sign-ins are being finished, of one network half of those of all."""
        most = self._settings.oidc_at_once_max
        if self._finishing.total() >= most or self._finishing[network] >= max(1, most // 2):
            text = "many people sign in at this moment"
            raise RequestRefused(Code.SERVICE_UNAVAILABLE, text, retry_after_s=RETRY_AFTER_S)

    async def _finish(self, query: Mapping[str, str], begun: Pending, redirect_uri: str) -> Finished:
        metadata = await self._provider.metadata()
        self._check_answer(query, metadata)
        tokens = await self._trade(metadata, query["code"], redirect_uri, begun.verifier)
        keys = await self._provider.keys(self._tokens.key_id(tokens.id_token))
        claims = self._tokens.read(
            tokens.id_token,
            keys,
            issuer=self._settings.oidc_issuer,
            client_id=self._settings.oidc_client_id,
            nonce=begun.nonce,
            access_token=tokens.access_token,
            now_s=self._clock.now_ms() // 1000,
        )
        return await self._vouch(await self._complete(claims, metadata, tokens.access_token), begun.target)

    def _check_answer(self, query: Mapping[str, str], metadata: Metadata) -> None:
        """Refuse an answer of another provider (RFC 9207), one that says no, and one without a code."""
        named = query.get("iss")
        if named is None and metadata.authorization_response_iss_parameter_supported:
            raise SignInRefused(Refusal.UNTRUSTED, "the answer does not name its issuer, as the provider says it does")
        if named is not None and named != self._settings.oidc_issuer:
            raise SignInRefused(Refusal.UNTRUSTED, f"the answer is of another issuer: {named[:200]!r}")
        if error := query.get("error"):
            raise SignInRefused(Refusal.DENIED, f"the provider says {error[:100]!r}")
        if not 1 <= len(query.get("code", "")) <= _CODE_CHARS_MAX:
            raise SignInRefused(Refusal.UNTRUSTED, "the answer has no code")

    async def _trade(self, metadata: Metadata, code: str, redirect_uri: str, verifier: str) -> _Tokens:
        """The tokens for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers, secrets = self._credentials(metadata)
        answer = await self._fetcher.fetch(metadata.token_endpoint, headers, urlencode(form | secrets))
        if answer.status != _OK:
            kind = Refusal.UNTRUSTED if answer.status in (400, 401, 403) else Refusal.UNAVAILABLE
            told = _error_of(answer.body, (code, verifier, self._settings.oidc_client_secret))
            raise SignInRefused(kind, f"no token for the code: status {answer.status}{told}")
        try:
            return msgspec.json.decode(answer.body, type=_Tokens)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SignInRefused(Refusal.UNAVAILABLE, "the answer to the code has no ID token") from error

    def _credentials(self, metadata: Metadata) -> tuple[dict[str, str], dict[str, str]]:
        """How the service proves to the provider which client it is: headers, and fields of the form."""
        name, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret
        if not secret:
            return {}, {"client_id": name}
        methods = metadata.token_endpoint_auth_methods_supported
        if "client_secret_post" in methods and "client_secret_basic" not in methods:
            return {}, {"client_id": name, "client_secret": secret}
        pair = f"{quote(name, safe='')}:{quote(secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}

    async def _complete(self, claims: dict[str, Any], metadata: Metadata, access_token: str | None) -> dict[str, Any]:
        """The claims, with those of the userinfo endpoint where the name or the groups are not in the token."""
        wanted = (self._settings.oidc_name_claim, self._settings.oidc_groups_claim)
        has_all = all(rules.claim(claims, name) is not None for name in wanted)
        if has_all or access_token is None or not metadata.userinfo_endpoint:
            return claims
        if not (access_token.isascii() and access_token.isprintable()):
            raise SignInRefused(Refusal.UNTRUSTED, "the access token is no text for a header")
        answer = await self._fetcher.fetch(metadata.userinfo_endpoint, {"Authorization": f"Bearer {access_token}"})
        try:
            more = msgspec.json.decode(answer.body, type=dict[str, Any]) if answer.status == _OK else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            more = None
        if more is None:
            raise SignInRefused(Refusal.UNAVAILABLE, f"no claims of the user: status {answer.status}")
        if more.get("sub") != claims["sub"]:
            raise SignInRefused(Refusal.UNTRUSTED, "the claims are of another user than the token")
        return more | claims

    async def _vouch(self, claims: dict[str, Any], target: str) -> Finished:
        """The account of a person of whom the provider says this."""
        name = rules.claim(claims, self._settings.oidc_name_claim)
        identity = Identity(
            issuer=self._settings.oidc_issuer, subject=claims["sub"], name=name if isinstance(name, str) else ""
        )
        groups = rules.groups_of(claims, self._settings.oidc_groups_claim)
        rights = rules.rights_for(groups, self._settings.oidc_groups)
        found = await asyncio.to_thread(self._accounts.identities.sign_in, identity, rights)
        if isinstance(found, NotVouched):
            raise SignInRefused(Refusal(found.value), f"subject {identity.subject!r}, name {identity.name[:200]!r}")
        return Finished(found, identity, target)

    async def _secret(self) -> bytes:
        if not self._key:
            self._key = await asyncio.to_thread(self._state.secrets.get, "oidc")
        return self._key


def _error_of(body: bytes, secrets: Iterable[str]) -> str:
    """The error that an answer names (RFC 6749, 5.2), for the log: without what was sent, should it quote that.

    Nothing else of it is told: it may have tokens.
    """
    try:
        error = msgspec.json.decode(body, type=_TokenError)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    text = f"{error.error} {error.error_description}".strip()
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return f", {text[:200]!r}"


def _told(address: str, error: SignInRefused) -> SignInRefused:
    """The refusal, once the log has it."""
    log.warning("a sign-in with the provider from %s was refused (%s): %s", address, error.refusal, error)
    return SignInRefused(error.refusal, str(error))


def require_library() -> None:
    """Raise LibraryMissing where a provider cannot be used for want of the extra."""
    if find_spec("authlib") is None or find_spec("joserfc") is None:
        text = (
            "signing in with an identity provider needs a library that is not installed: pip install 'footfall[oidc]'"
        )
        raise LibraryMissing(text)
