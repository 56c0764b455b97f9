"""What several pages say in the same way: names in a row, the size of a file, how long something takes."""

from collections.abc import Iterable
from typing import Any, Final

from markupsafe import Markup, escape

from footfall.dashboard.texts import text

# Names of a list that are written out; of longer lists, the number is.
_NAMES_SHOWN: Final = 3
_SIZES: Final = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))
_UNITS: Final = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


def file_size(number: int) -> str:
    """Bytes for people: `950 bytes`, `12.3 kB`, `4 MB`."""
    for unit, sign in _SIZES:
        if number >= unit:
            return f"{number / unit:.1f}".removesuffix(".0") + f" {sign}"
    return text("common.size.bytes", number=number)


def some(names: Iterable[str]) -> str:
    """Names in a row: all of a few, else the first ones and how many more there are."""
    found = list(names)
    shown = ", ".join(found[:_NAMES_SHOWN])
    more = len(found) - _NAMES_SHOWN
    return text("common.more_names", names=shown, number=more) if more > 0 else shown


def seconds(number: float) -> str:
    """A time in its largest unit of which it has at least two: `45 s`, `90 minutes`, `3 days`."""
    for unit, name in _UNITS:
        if number >= 2 * unit:
            return text(f"common.time.{name}", number=round(number / unit))
    return text("common.time.seconds", number=round(number, 1) if number < 10 else round(number))


def fill(pattern: str, **values: Any) -> Markup:
    """A text with its names in braces filled by markup of ours; all else is escaped."""
    return escape(pattern).format(**values)
