"""Which bytes of a file a request asks for, and whether it has them already (RFC 9110, sections 13 and 14)."""

import re
from typing import NamedTuple

_SPEC = re.compile(r"bytes[ \t]*=[ \t]*(?P<first>[0-9]*)[ \t]*-[ \t]*(?P<last>[0-9]*)[ \t]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')
# Longer numbers are past the end of any file, and reading them would only cost time.
_DIGITS_MAX = 18


class Part(NamedTuple):
    """A part of the file: `start` is its first byte, `end` the one after its last."""

    start: int
    end: int


class Unsatisfiable(NamedTuple):
    """None of the bytes that were asked for exist."""


def select(spec: str | None, size: int) -> Part | Unsatisfiable | None:
    """The single range that the `Range` header asks for; None is the whole file.

    A header that cannot be read, another unit, and several ranges at once are answered with the whole file, as the
    standard allows.
    """
    found = _SPEC.fullmatch(spec.strip()) if spec is not None else None
    if found is None:
        return None
    first, last = found["first"], found["last"]
    if first:
        return _between(_number(first), _number(last) if last else None, size)
    return _suffix(_number(last), size) if last else None


def _between(first: int, last: int | None, size: int) -> Part | Unsatisfiable | None:
    if last is not None and last < first:
        return None
    if first >= size:
        return Unsatisfiable()
    return Part(first, size if last is None else min(last + 1, size))


def _suffix(length: int, size: int) -> Part | Unsatisfiable | None:
    if length == 0:
        return Unsatisfiable()
    return Part(max(size - length, 0), size) if size else None


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= _DIGITS_MAX else 10**_DIGITS_MAX


def unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this very content already; tags compare weakly."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)


def applies(if_range: str | None, etag: str) -> bool:
    """Whether a range may be served: the client's part, if it has one, is of this content. Tags compare strongly."""
    return if_range is None or if_range.strip() == etag
