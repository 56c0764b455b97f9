"""One-time passwords from the clock (RFC 6238): six digits of HMAC-SHA-1 over steps of 30 s, as all apps make them."""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final
from urllib.parse import quote

STEP_S: Final = 30
DIGITS: Final = 6
# RFC 4226 recommends 160 bits, the length of the hash.
_SECRET_BYTES: Final = 20
_SECRET: Final = re.compile(r"[A-Z2-7]{32}")
# Steps before and after the present one whose codes are taken, for clocks that differ and people who type.
_STEPS_AROUND: Final = 1


def new_secret() -> str:
    """160 random bits in base32, as apps take them."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Whether this has the form of a secret that `new_secret` makes."""
    return _SECRET.fullmatch(text) is not None


def make_code(secret: str, step: int) -> str:
    """The code of a step, counted from the Unix epoch."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    place = digest[-1] & 0x0F
    number = int.from_bytes(digest[place : place + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def is_code(text: str) -> bool:
    """Whether this has the form of a code."""
    return len(text) == DIGITS and text.isascii() and text.isdigit()


def find_step(secret: str, code: str, now_ms: int) -> int | None:
    """The step whose code this is, among those that count now; None for no code. Takes the same time for both."""
    present, found = now_ms // (STEP_S * 1000), None
    for step in range(present - _STEPS_AROUND, present + _STEPS_AROUND + 1):
        if hmac.compare_digest(make_code(secret, step).encode(), code.encode(errors="replace")):
            found = step
    return found


def make_uri(secret: str, user_id: str, issuer: str) -> str:
    """The address that apps read from a QR code."""
    label = f"{quote(issuer, safe='')}:{quote(user_id, safe='')}"
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer, safe='')}"
