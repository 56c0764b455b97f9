"""Reads the Authorization header of Basic authentication (RFC 7617, in UTF-8)."""

import base64

from msgspec import Struct

from footfall.accounts.rules import is_password, is_user_id, normalize

# More than any user's id and password take in whatever form; all headers together have no more at many servers.
_TOKEN_CHARS_MAX = 8_192


class Credentials(Struct, frozen=True):
    """What somebody signs in with."""

    user_id: str
    password: str

    def __repr__(self) -> str:
        """The credentials without the password, because reprs end up in logs."""
        return f"Credentials(user_id={self.user_id!r})"


def parse(authorization: str | None) -> Credentials | None:
    """The header's credentials, or None where nobody can have such; the base64's padding does not matter."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip().rstrip("=")
    if scheme.lower() != "basic" or len(token) > _TOKEN_CHARS_MAX:
        return None
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode()
    except ValueError:
        return None
    user_id, colon, password = decoded.partition(":")
    credentials = Credentials(normalize(user_id), normalize(password))
    if not colon or not is_user_id(credentials.user_id) or not is_password(credentials.password):
        return None
    return credentials
