"""The steps of axes: round numbers, and times that are named as people name them."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Final

# Times that an axis names at the most: more do not fit a telephone.
TIMES_MAX: Final = 6
_STEPS: Final = (1, 2, 2.5, 5, 10)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def round_steps(most: float, count: int = 4, *, whole: bool = True) -> list[float]:
    """Round numbers from 0 to at least `most`, about `count` steps; with `whole` none is a fraction."""
    if not math.isfinite(most) or most <= 0:
        return [0.0, 1.0]
    rough = most / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in _STEPS if each * power >= rough * 0.999999)
    if whole:
        step = max(1.0, math.ceil(step))
    return [step * at for at in range(math.ceil(most / step * 0.999999) + 1)]


def name_times(times: Sequence[int], interval: str) -> dict[int, str]:
    """Of times by the zone's clock (ms, as if of UTC), those that an axis names, by their place, with their names."""
    if not times:
        return {}
    step = -(-len(times) // TIMES_MAX)
    # Counted from the end: the newest is what people look at. The first and last need room on their side.
    places = sorted(range(len(times) - 1, -1, -step))
    years, days = _several(times)
    return {place: name_time(times[place], interval, year=years, day=days) for place in places}


def time_parts(times: Sequence[int], interval: str) -> str:
    """The parts that the names of these times on an axis have, for who names them in another language."""
    years, days = _several(times)
    if interval in ("minute", "hour"):
        return "day month clock" if days else "clock"
    return ("month" if interval == "month" else "day month") + (" year" if years else "")


def name_time(local_ms: int, interval: str, *, year: bool = False, day: bool = True) -> str:
    """A time as an axis names it: `14:00`, `3 Nov`, `Nov`, `Nov 2026`."""
    found = _date(local_ms)
    month = _MONTHS[found.month - 1]
    tail = f" {found.year}" if year else ""
    match interval:
        case "minute" | "hour":
            clock = found.strftime("%H:%M")
            return f"{found.day} {month} {clock}" if day else clock
        case "month":
            return f"{month}{tail}"
        case _:
            return f"{found.day} {month}{tail}"


def _several(times: Sequence[int]) -> tuple[bool, bool]:
    """Whether an axis is of several years, and of several days."""
    first, last = _date(times[0]), _date(times[-1])
    return first.year != last.year, first.date() != last.date()


def _date(local_ms: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=local_ms)
