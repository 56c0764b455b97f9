"""The items of a JSON array as raw text: only as many as are wanted, however many there are.

A typed list is decoded whole before its length can be checked, so that three bytes of a body become an object of 60.
Here a struct that is written as an array is decoded instead: it has a fixed number of fields, and the decoder skips
the items behind them.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import astuple

# An array of so many bytes is split at once: it has at most half as many items, of 80 bytes each.
_SHORT_ARRAY_BYTES_MAX = 256 * 1024
# Items of one pass: one more than the events that a request may have by default. Each field costs 600 bytes.
ITEMS_AT_ONCE = 10_001
_GAP = re.compile(rb"[ \t\r\n]*+,?[ \t\r\n]*+")

_decode_all = msgspec.json.Decoder(list[Raw]).decode


def split_items(array: Raw, most: int) -> list[Raw]:
    """The first items of an array, one more than `most`, so that the caller can tell that it has more.

    The text must be that of an array. `most` bounds the memory; each ITEMS_AT_ONCE items take time by the length of the
    text behind them. Raises RecursionError when an item is nested too deep.
    """
    text = memoryview(array)
    if len(text) <= _SHORT_ARRAY_BYTES_MAX:
        return _decode_all(text)[: most + 1]
    size = min(most + 1, ITEMS_AT_ONCE)
    items: list[Raw] = []
    while True:
        found = [item for item in astuple(_items_decoder(size)(text)) if item is not UNSET]
        items += found
        if len(found) < size or len(items) > most:
            return items[: most + 1]
        text = memoryview(b"[" + text[_end_of(text, found) :])


def _end_of(text: memoryview, items: list[Raw]) -> int:
    """The position behind the first items and the comma that follows them."""
    at = 1
    for item in items:
        at = _skip_gap(text, at) + len(memoryview(item))
    return _skip_gap(text, at)


def _skip_gap(text: memoryview, at: int) -> int:
    # The pattern always matches, an empty gap too.
    return cast("re.Match[bytes]", _GAP.match(text, at)).end()


@lru_cache(maxsize=8)
def _items_decoder(size: int) -> Callable[[memoryview], Any]:
    fields = [(f"item{number}", Raw | UnsetType, UNSET) for number in range(size)]
    return msgspec.json.Decoder(msgspec.defstruct("Items", fields, array_like=True, gc=False)).decode
