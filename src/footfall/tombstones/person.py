"""Who is meant by a value: its digest, and the places of the context in which it stands."""

import hashlib
import re
from collections.abc import Collection

from footfall.plan import Plan
from footfall.state import ErasurePlace, State

# The secret that the digests are made with is derived from this one, which every backup has.
_SECRET = "installation"  # noqa: S105 - its name
_PURPOSE = b"footfall erasures"
# The keys of products that the plan does not know, as in statistics and reports.
_PLANLESS_KEY = re.compile(r"context([1-9][0-9]{0,2})")


def salt_of(state: State) -> str:
    """The secret of this installation's digests, in hexadecimal. Raises StateUnavailable."""
    return hashlib.sha256(_PURPOSE + state.secrets.get(_SECRET)).hexdigest()


def digest_of(salt: str, value: str) -> str:
    """The digest of a value, in upper case as the store's hex() gives it."""
    return hashlib.sha256(f"{salt}{value}".encode()).hexdigest().upper()


def find_places(plan: Plan, key: str, products: Collection[str] = ()) -> tuple[ErasurePlace, ...]:
    """The places of a context key by the plan, of some products or, without any, of all; none for an unknown key."""
    found: dict[tuple[str, int], list[str]] = {}
    for kind in plan.types:
        if products and kind.product not in products:
            continue
        for position, each in enumerate(kind.keys, start=1):
            if each.name == key:
                found.setdefault((kind.product, position), []).append(kind.name)
    places = [ErasurePlace(position, product, tuple(types)) for (product, position), types in found.items()]
    known = {product.name for product in plan.products}
    if match := _PLANLESS_KEY.fullmatch(key):
        unplanned = [product for product in products if product not in known]
        if unplanned or not products:
            places += [ErasurePlace(int(match[1]), product) for product in unplanned or [""]]
    return tuple(places)
