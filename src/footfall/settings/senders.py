"""What a customer asks of those who send its events: a write key, and pages of its own."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

# The name of the rule for customers that have none of their own.
ANY: Final = "*"
# An origin as browsers send it (RFC 6454), in lower case; `*.` stands for one or more labels before the rest.
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(\*\.)?([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class SenderRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of those who send a customer's events.

    `write_key` has them send a key with the scope `send`. `origins` are those of pages whose browsers may send; None
    is any, and `null` what browsers send for pages without one.
    """

    write_key: bool = False
    origins: tuple[str, ...] | None = None

    def takes_pages_of(self, origin: str) -> bool:
        """Whether pages of this origin, in lower case, may send."""
        return self.origins is None or any(_is_among(origin, one) for one in self.origins)


def sender_problems(customer: str, rule: SenderRule) -> Iterator[str]:
    """Problems with a rule."""
    if not customer:
        yield f"expected the code of a customer, or {ANY} for all that have no rule of their own"
    for origin in rule.origins or ():
        if origin != "null" and not _ORIGIN.fullmatch(origin):
            yield (
                "origins: expected origins in lower case such as https://www.example.com, https://*.example.com "
                f"or null, without a path, got {origin[:100]!r}"
            )


def _is_among(origin: str, allowed: str) -> bool:
    scheme, wild, domain = allowed.partition("://*.")
    if not wild:
        return origin == allowed
    host = origin.removeprefix(f"{scheme}://")
    return host != origin and host.endswith(f".{domain}") and host[0] != "."
