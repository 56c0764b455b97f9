"""What may be a user's id, password and so on; anything else is BadUser, with words for the person who chose it."""

import unicodedata

from footfall import limits

USER_ID_CHARS_MAX = 200
# Ten characters cannot be guessed at the rate that the failure limit allows.
PASSWORD_CHARS_MIN = 10
# Room for any passphrase; a hash's cost must not be the sender's choice.
PASSWORD_BYTES_MAX = 1_024
# Context and permissions are handed to clients as they are.
TEXT_CHARS_MAX = 1_000


class BadUser(Exception):
    """A user cannot be made like this; the text says what to change."""


def normalize(text: str) -> str:
    """One form for what looks the same: keyboards disagree on how to write an accent."""
    return unicodedata.normalize("NFC", text)


def is_user_id(user_id: str) -> bool:
    return 1 <= len(user_id) <= USER_ID_CHARS_MAX and user_id.isprintable() and ":" not in user_id


def is_password(password: str) -> bool:
    """Whether this can be anybody's password; short ones can, from before the least length was raised."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        return False
    return len(password.encode()) <= PASSWORD_BYTES_MAX


def check_user_id(user_id: str) -> None:
    if not is_user_id(user_id):
        raise BadUser(f'a user id has 1 to {USER_ID_CHARS_MAX} printable characters, none of them ":"')


def check_password(password: str) -> None:
    if len(password) < PASSWORD_CHARS_MIN:
        raise BadUser(f"a password has at least {PASSWORD_CHARS_MIN} characters")
    if not is_password(password):
        raise BadUser(f"a password has at most {PASSWORD_BYTES_MAX} bytes of UTF-8 and no control characters")


def check_details(context: str, permissions: str | None, customers: tuple[str, ...]) -> None:
    for name, text in (("context", context), ("permissions", permissions or "")):
        if len(text) > TEXT_CHARS_MAX or not text.isprintable():
            raise BadUser(f"{name} has at most {TEXT_CHARS_MAX} printable characters")
    for customer in customers:
        if not 1 <= len(customer) <= limits.CODE_CHARS_MAX or not customer.isprintable():
            raise BadUser(f"a customer's code has 1 to {limits.CODE_CHARS_MAX} printable characters")
