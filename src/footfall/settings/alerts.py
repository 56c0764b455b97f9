"""The receiver of alerts in the settings: where it is, and the secret that signs what it gets."""

import base64
import binascii
from typing import Final

from footfall.settings.identity_provider import is_trusted_url

SECRET_BYTES_MIN: Final = 16
# As Standard Webhooks writes a secret: this, then base64.
_PREFIX: Final = "whsec_"


def secret_bytes(secret: str) -> bytes:
    """The key of the signature. Raises ValueError for a secret that begins as base64 and is none."""
    if secret.startswith(_PREFIX):
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    return secret.encode()


def url_problem(url: str) -> str | None:
    """Why alerts cannot be sent there; None when they can, or none are sent."""
    if not url or is_trusted_url(url):
        return None
    return "expected https://..., or http:// for this machine only, without user, password and fragment"


def secret_problem(secret: str) -> str | None:
    """Why this secret cannot sign; None when it can, or there is none."""
    try:
        length = len(secret_bytes(secret))
    except (binascii.Error, ValueError):
        return f"what follows {_PREFIX} is base64"
    if secret and length < SECRET_BYTES_MIN:
        return f"must be of {SECRET_BYTES_MIN} bytes or more: openssl rand -hex 32 makes one"
    return None


def missing(url: str, secret: str) -> str | None:
    """What sending alerts lacks; None when nothing, or none are sent."""
    return "alert_secret is missing: with it, receivers tell our messages from others" if url and not secret else None
