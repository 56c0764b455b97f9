"""Links that work without credentials until they expire: what they open stands in them, signed.

A link stands on the account of the report's owner, and on the password that the owner had when it was made: with
another account or another password its signature holds no more.
"""

import base64
import hashlib
import hmac
import json

from footfall.state import User


def sign(secret: bytes, owner: User, source: str, name: str, expires_ms: int) -> str:
    """The token of a link to the file `name` of the report `source`: the time at which it ends, and the signature."""
    return f"{expires_ms}-{_signature(secret, owner, source, name, expires_ms)}"


def opens(secret: bytes, owner: User, source: str, name: str, token: str, now_ms: int) -> bool:
    """Whether the token was made for this very file with this secret, while the owner was who they are, and is good."""
    expires, _, signature = token.partition("-")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 16 and signature.isascii()):
        return False
    expected = _signature(secret, owner, source, name, int(expires))
    # Whether the signature holds is found out in constant time, and before anything is made of the time it covers.
    return hmac.compare_digest(expected, signature) and now_ms < int(expires)


def _signature(secret: bytes, owner: User, source: str, name: str, expires_ms: int) -> str:
    # As JSON, whatever characters an address brings, no two files sign the same text.
    message = json.dumps([source, name, expires_ms, owner.account, owner.security_stamp]).encode()
    digest = hmac.digest(secret, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
