"""The items of a JSON array as they stand in its text: only so many, however many there are.

A typed list is made whole before its length is looked at, so that three bytes of a body become an object of 60. A
struct that is written as an array has so many fields as it has: the decoder passes over what comes behind them.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import astuple

# An array so short is split whole: it has at most half as many items, of 80 bytes each.
_SHORT_BYTES_MAX = 256 * 1024
# Items that one pass takes, as many as a request may have events by default; each field of a struct costs 600 bytes.
ITEMS_AT_ONCE = 10_001
_GAP = re.compile(rb"[ \t\r\n]*+,?[ \t\r\n]*+")

_decode_all = msgspec.json.Decoder(list[Raw]).decode


def split(array: Raw, most: int) -> list[Raw]:
    """The first items of an array, one more than `most`, so that the caller can tell that it has more.

    The text must be that of an array. Memory is bound by `most`, and time by the text's length for every
    ITEMS_AT_ONCE of it. Raises RecursionError when an item is nested too deep.
    """
    text = memoryview(array)
    if len(text) <= _SHORT_BYTES_MAX:
        return _decode_all(text)[: most + 1]
    size = min(most + 1, ITEMS_AT_ONCE)
    items: list[Raw] = []
    while True:
        found = [item for item in astuple(_decoder(size)(text)) if item is not UNSET]
        items += found
        if len(found) < size or len(items) > most:
            return items[: most + 1]
        text = memoryview(b"[" + text[_end(text, found) :])


def _end(text: memoryview, items: list[Raw]) -> int:
    """Where the text goes on behind its first items and the comma that follows them."""
    at = 1
    for item in items:
        at = _past_gap(text, at) + len(memoryview(item))
    return _past_gap(text, at)


def _past_gap(text: memoryview, at: int) -> int:
    # The pattern matches no gap at all, too.
    return cast("re.Match[bytes]", _GAP.match(text, at)).end()


@lru_cache(maxsize=8)
def _decoder(size: int) -> Callable[[memoryview], Any]:
    fields = [(f"item{number}", Raw | UnsetType, UNSET) for number in range(size)]
    return msgspec.json.Decoder(msgspec.defstruct("Items", fields, array_like=True, gc=False)).decode
