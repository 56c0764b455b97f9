"""When intervals begin, found by looking at clocks: what `footfall.usage` is held against."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000
_known: dict[tuple[str, str], list[int]] = {}


def starts(zone: str, interval: str, days: list[int]) -> list[int]:
    """All instants at which an interval begins near some days: by looking at the clock each quarter of an hour."""
    if (zone, interval) not in _known:
        timezone, found, before = ZoneInfo(zone), [], None
        step = {"minute": 60_000, "hour": 15 * 60_000}.get(interval, 15 * 60_000)
        near = sorted({day // DAY_MS * DAY_MS + by * DAY_MS for day in days for by in range(-40, 40)})
        for day in near:
            for time_ms in range(day, day + DAY_MS, step):
                local = datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(timezone)
                name = _name(local, interval)
                if name != before:
                    found.append(time_ms)
                before = name
        _known[zone, interval] = _without_repeats(found, timezone, interval)
    return _known[zone, interval]


def _name(local: datetime, interval: str) -> Any:
    match interval:
        case "minute":
            return local.replace(second=0, microsecond=0), local.utcoffset()
        case "hour":
            return local.replace(minute=0, second=0, microsecond=0, tzinfo=None), local.utcoffset()
        case "day":
            return local.date()
        case "week":
            return local.date() - timedelta(days=local.weekday())
        case _:
            return local.year, local.month


def _without_repeats(starts: list[int], timezone: ZoneInfo, interval: str) -> list[int]:
    """A day that the clock begins twice began at the first of the two midnights."""
    if interval in ("minute", "hour"):
        return starts
    seen: set[Any] = set()
    kept = []
    for start in starts:
        name = _name(datetime.fromtimestamp(start // 1000, UTC).astimezone(timezone), interval)
        if name not in seen:
            kept.append(start)
        seen.add(name)
    return kept
