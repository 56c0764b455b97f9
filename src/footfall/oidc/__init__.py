"""Signing in to the page with an identity provider: OpenID Connect, the authorization code flow with PKCE.

**The way.** The browser is sent to the provider with a state, a nonce and a PKCE challenge, and comes back with a code.
The service trades the code for an ID token, over a connection of its own; the token says who it is and in which groups.
An account is found by issuer and subject alone (`footfall.accounts`), and the groups' rules in the settings give it its
rights.

**What is checked, and where.** The answer must come from the browser that asked (`pending`: a cookie, from which state,
nonce and verifier are derived with a key of the service, so that none of them is kept anywhere) and from the issuer
asked. The token must be signed with a key of the issuer's, by an asymmetric algorithm, and be for us, now, and with our
nonce (`tokens`). Rights follow the first rule that matches (`rules`).

**The provider is not trusted with our time and memory.** `provider` bounds each answer in seconds and bytes, and
follows no redirect. The issuer is a setting, and no address of a request is ever asked.

Authlib and its joserfc, 20 MB with what they need, are an extra (`footfall[oidc]`), and only `tokens` imports them: a
process that signs nobody in this way has 9 MiB less.
"""

from footfall.oidc.pending import LIFE_S
from footfall.oidc.refusals import Refusal, SignInRefused
from footfall.oidc.sign_in import Finished, LibraryMissing, ProviderSignIn, Started, require_library

__all__ = [
    "LIFE_S",
    "Finished",
    "LibraryMissing",
    "ProviderSignIn",
    "Refusal",
    "SignInRefused",
    "Started",
    "require_library",
]
