"""Names and values as TOML text: quoted where they must be, one name a line, safe for a terminal."""

import re
from collections.abc import Iterable
from typing import Final

_BARE = re.compile(r"[A-Za-z0-9_-]+")
# The last code point that has the short escape.
_SHORT_MAX: Final = 0xFFFF
# A list that is longer stands on several lines.
LINE_CHARS_MAX: Final = 100


def escape(text: str) -> str:
    """The text with TOML's escapes: senders choose the names of types, and may put control characters into them."""
    return "".join(map(_escape, text))


def quote(text: str) -> str:
    """A TOML string."""
    return f'"{escape(text)}"'


def key(name: str) -> str:
    """A TOML key, quoted where it has other characters than letters, digits, - and _."""
    return name if _BARE.fullmatch(name) else quote(name)


def array(texts: Iterable[str]) -> str:
    """A TOML list of strings, over several lines when it is long."""
    quoted = [quote(text) for text in texts]
    line = f"[{', '.join(quoted)}]"
    if len(line) <= LINE_CHARS_MAX:
        return line
    return "\n".join(["[", *(f"    {text}," for text in quoted), "]"])


def _escape(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code <= _SHORT_MAX else f"\\U{code:08x}"
