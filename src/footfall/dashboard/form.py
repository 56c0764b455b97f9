"""Forms: read from the body of a POST, and proven to come from a page of ours.

Each form sends back a token that only a page which was served to this browser has (`footfall.accounts.form_token`).
It is masked anew for each page, so that the length of a compressed page tells nothing of it.
"""

import asyncio
import secrets
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.exceptions.http_exceptions import InternalServerException, RequestEntityTooLarge

from footfall.accounts import form_token, is_form_token
from footfall.errors import Code, RequestRefused
from footfall.settings import Settings

TOKEN_FIELD: Final = "form"  # noqa: S105 - the name of a field
MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
FIELDS_MAX: Final = 1_000


class FormExpired(Exception):
    """The form does not come from a page that was served to this browser in this session."""


class Form:
    """The fields of a form, each with one value or several."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def one(self, name: str) -> str:
        """The field's first value; empty where it was not sent."""
        return next((value for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        """All values of the field that are not empty."""
        return [value for key, value in self.pairs if key == name and value]


async def read_form(request: Request[Any, Any, Any], settings: Settings) -> Form:
    """The form in a body. Raises RequestRefused for another type, past a bound, and when it does not come."""
    media_type, _ = request.content_type
    if media_type != MEDIA_TYPE:
        raise RequestRefused(Code.REQUEST_UNSUPPORTED_MEDIA_TYPE, f"a form is sent as {MEDIA_TYPE}")
    try:
        async with asyncio.timeout(settings.body_timeout_s):
            body = await request.body()
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except TimeoutError as error:
        raise RequestRefused(Code.REQUEST_TIMED_OUT, "the form did not arrive in time") from error
    except RequestEntityTooLarge as error:
        text = f"the form is larger than {settings.call_body_bytes_max} bytes"
        raise RequestRefused(Code.REQUEST_TOO_LARGE, text) from error
    except (InternalServerException, ValueError) as error:
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "the form cannot be read") from error
    return Form(pairs)


def masked_token(token: str) -> str:
    """What a form sends back, different each time."""
    plain = bytes.fromhex(form_token(token))
    mask = secrets.token_bytes(len(plain))
    return (mask + _mixed(mask, plain)).hex()


def is_ours(form: Form, token: str) -> bool:
    """Whether the form comes from a page that was served to the browser with this token."""
    try:
        sent = bytes.fromhex(form.one(TOKEN_FIELD))
    except ValueError:
        return False
    half = len(sent) // 2
    return is_form_token(token, _mixed(sent[:half], sent[half:]).hex())


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=False))
