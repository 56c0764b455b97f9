"""Links that open a report's file without credentials until they expire.

The token of a link is the time at which it expires, and a signature of that time, the report and the file's name. The
signature also covers the owner's account and password stamp: a link ends when the owner is removed or has another
password.
"""

import base64
import hashlib
import hmac
import json
from urllib.parse import quote

from footfall.state import User


def sign_link(secret: bytes, owner: User, source: str, name: str, expires_ms: int) -> str:
    """The token of a link to the file `name` of the report `source`."""
    return f"{expires_ms}-{_signature(secret, owner, source, name, expires_ms)}"


def is_link_valid(secret: bytes, owner: User, source: str, name: str, token: str, now_ms: int) -> bool:
    """Whether the token was signed with this secret, for this file and this owner as they are, and has not expired."""
    expires, _, signature = token.partition("-")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 16 and signature.isascii()):
        return False
    expected = _signature(secret, owner, source, name, int(expires))
    # Compare in constant time, and before the time is read: until then it may be forged.
    return hmac.compare_digest(expected, signature) and now_ms < int(expires)


def content_disposition(name: str) -> str:
    """The Content-Disposition of a download (RFC 6266): the name in ASCII for old clients, and whole."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _signature(secret: bytes, owner: User, source: str, name: str, expires_ms: int) -> str:
    # JSON keeps the parts apart, whatever characters they have: no two files sign the same message.
    message = json.dumps([source, name, expires_ms, owner.account, owner.security_stamp]).encode()
    digest = hmac.digest(secret, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
