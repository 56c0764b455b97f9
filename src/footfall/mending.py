"""What is put right in a body of JSON before it is read: marks and halves of characters that some programs write."""

import re

_BOM = b"\xef\xbb\xbf"
_HEX2 = rb"[0-9a-fA-F]{2}"
_HIGH = rb"\\u[dD][89abAB]" + _HEX2
_LOW = rb"\\u[dD][c-fC-F]" + _HEX2
# The first half of a pair without the second, or the second without the first.
_HALF = re.compile(rb"%b(?!%b)|(?<!%b)%b" % (_HIGH, _LOW, _HIGH, _LOW))


def mend(body: bytes) -> bytes:
    """The body without a byte order mark, and with U+FFFD where only half of a surrogate pair is written.

    Text that was cut within an emoji has such a half: JSON allows it, but it is no character, and no UTF-8 can hold it.
    """
    body = body.removeprefix(_BOM)
    # NUL has no place in JSON, so that it can stand for an escaped backslash, which begins no other escape.
    if b"\\u" not in body or b"\0" in body:
        return body
    plain = body.replace(b"\\\\", b"\0\0")
    mended = bytearray(plain)
    # In place: a substitution would keep a piece of the text for each.
    for half in _HALF.finditer(plain):
        start, end = half.span()
        mended[start:end] = b"\\ufffd"
    return bytes(mended.replace(b"\0\0", b"\\\\"))
