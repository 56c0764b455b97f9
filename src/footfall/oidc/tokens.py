"""ID tokens: their signature by joserfc, their claims by Authlib. No other module imports either."""

import json
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from footfall.oidc.refusals import Refusal, SignInRefused

# Asymmetric ones alone. With HS256 a public key would be taken for the secret that only the provider has, and `none`
# is no signature.
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
_KEY_TYPES: Final = ("RSA", "EC", "OKP")
# Keys that are tried where a token names none: providers publish two or three.
_TRIED_MAX: Final = 10
# Seconds by which the clocks of provider and service may differ.
LEEWAY_S: Final = 60
_SUBJECT_CHARS_MAX: Final = 255


def key_id(token: str) -> str | None:
    """The id of the key with which a token says that it is signed. Raises SignInRefused for what is no such token."""
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, RecursionError) as error:
        raise _untrusted(error) from error
    if header.get("alg") not in ALGORITHMS:
        raise SignInRefused(Refusal.UNTRUSTED, f"the ID token is signed with {str(header.get('alg'))[:40]!r}")
    found = header.get("kid")
    return found if isinstance(found, str) else None


def read(
    token: str,
    keys: list[dict[str, Any]],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str | None,
    now_s: int,
) -> dict[str, Any]:
    """The claims of a token that one of these keys signed, for us, now, and in answer to our nonce.

    Raises SignInRefused with what is wrong.
    """
    decoded = _verify(token, keys)
    if decoded is None:
        raise SignInRefused(Refusal.UNTRUSTED, "no key of the provider has signed the ID token")
    options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    claims = CodeIDToken(decoded.claims, decoded.header, options, params)
    try:
        claims.validate(now=now_s, leeway=LEEWAY_S)
    except (JoseError, ValueError, TypeError) as error:
        raise _untrusted(error) from error
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= _SUBJECT_CHARS_MAX or not subject.isprintable():
        raise SignInRefused(Refusal.UNTRUSTED, "the ID token's subject is no text of 1 to 255 characters")
    return dict(claims)


def _verify(token: str, keys: list[dict[str, Any]]) -> jwt.Token | None:
    """The token, if one of the keys has signed it."""
    usable = [key for key in keys if key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"]
    for each in usable[:_TRIED_MAX]:
        try:
            key = import_key(each)
            if isinstance(key, RSAKey | ECKey | OKPKey):
                return jwt.decode(token, key, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError, TypeError, KeyError, json.JSONDecodeError, RecursionError):
            continue
    return None


def _untrusted(error: Exception) -> SignInRefused:
    return SignInRefused(Refusal.UNTRUSTED, f"the ID token: {type(error).__name__} {str(error)[:200]}")
