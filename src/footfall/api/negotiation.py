"""Which of the media types on offer an `Accept` header asks for (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Sequence
from typing import NamedTuple

# Elements part at commas, their parameters at semicolons, but not at those within a quoted string. A string that is
# never closed reaches to the end, so that nothing is ever scanned twice.
_STRING = r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)'
_ELEMENT = re.compile(rf'(?:[^,"]|{_STRING})+', re.DOTALL)
_PARAMETER = re.compile(rf'(?:[^;"]|{_STRING})+', re.DOTALL)
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class _Range(NamedTuple):
    main: str
    sub: str
    quality: float

    def matches(self, offer: str) -> bool:
        main, _, sub = offer.partition("/")
        return self.main in ("*", main) and self.sub in ("*", sub)

    @property
    def precision(self) -> int:
        return (self.main != "*") + (self.sub != "*")


def choose(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that the header prefers, or None when it accepts none of them.

    Without a header everything is welcome. The higher quality wins, then the more precise wish (`text/csv` is one for
    CSV, `*/*` is none for anything), then the order of the offers. Elements that cannot be read are passed over.
    """
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [found for element in _ELEMENT.findall(accept) if (found := _parse(element)) is not None]
    ranked = [(_rank(offer, ranges), -place, offer) for place, offer in enumerate(offers)]
    (quality, _), _, best = max(ranked)
    return best if quality > 0 else None


def _rank(offer: str, ranges: Sequence[_Range]) -> tuple[float, int]:
    """Quality and precision of the most precise range that matches the offer, for that range alone counts."""
    essence = offer.partition(";")[0].strip().lower()
    matching = [found for found in ranges if found.matches(essence)]
    if not matching:
        return 0, 0
    precision = max(found.precision for found in matching)
    return max(found.quality for found in matching if found.precision == precision), precision


def _parse(element: str) -> _Range | None:
    essence, *parameters = _PARAMETER.findall(element) or [""]
    main, slash, sub = essence.strip().lower().partition("/")
    if not (main and slash and sub) or (main == "*" and sub != "*"):
        return None
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            if not _QUALITY.fullmatch(value.strip()):
                return None
            quality = float(value)
    return _Range(main, sub, quality)
