"""A statistic's answer as tables, with bars beside the numbers on a terminal. The numbers are those of the answer."""

import datetime as dt
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Self

from footfall import windows
from footfall.cli.tables import Row, table, terminal_width
from footfall.wording import count_of, moment, plain

_BAR_MAX: Final = 30
_BAR_MIN: Final = 6
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_FORMS: Final = {"month": "%Y-%m", "hour": "%Y-%m-%d %H:%M", "minute": "%Y-%m-%d %H:%M"}
# The lists of a summary behind its series, each by the name of its dimension.
_LISTS: Final = {"types": "type", "products": "product", "customers": "customer", "versions": "version"}
_SECONDS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))

Entries = Sequence[Mapping[str, Any]]


class Shown(int):
    """A number with its own text, which tables put to the right."""

    _text: str

    def __new__(cls, number: float, text: str) -> Self:
        """The number, cut to a whole one, as this text."""
        found = super().__new__(cls, int(number))
        found._text = text
        return found

    def __str__(self) -> str:
        return self._text


def statistic_lines(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of an answer: tables, totals, and up to when events are counted."""
    if name == "retention":
        yield from _chart(_retention(found))
    elif name == "funnel":
        yield from _funnel(found)
    elif name == "summary":
        yield from _summary(found)
    else:
        yield from _entries(found[name], found)
        for rolling in found.get("rolling", ()):
            yield ""
            yield f"in {rolling['days']} days up to each"
            yield from _entries(rolling["uniques"], {**found, "interval": "day"})
    yield ""
    yield f"total: {', '.join(_totals(found['total']))}"
    yield _standing(found)


def _entries(entries: Entries, found: Mapping[str, Any]) -> Iterator[str]:
    """A list of an answer: a row for each entry, with a bar for its first count."""
    if not entries:
        yield "nothing was found"
        return
    names = list(dict.fromkeys(name for entry in entries for name in entry if name not in ("others", "keys")))
    heads = tuple(_head(name) for name in names)
    rows = [tuple(_cell(name, entry, found) for name in names) for entry in entries]
    counted = next((name for name in ("uniques", "events", "actors") if name in names), "")
    yield from _chart([heads, *rows], [int(entry.get(counted) or 0) for entry in entries] if counted else [])


def _head(name: str) -> str:
    return {"fromPrevious": "OF PREVIOUS"}.get(name, name.upper())


def _cell(name: str, entry: Mapping[str, Any], found: Mapping[str, Any]) -> object:
    value = entry.get(name)
    if name in entry.get("others", ()):
        return "(all others)"
    if value is None:
        return ""
    if name in ("start", "first", "last"):
        return _time(value, found.get("interval", "") if name == "start" else "second", found.get("timezone", "UTC"))
    if name in ("change", "conversion", "fromPrevious"):
        return _share(value, "+" if name == "change" else "")
    if name == "median":
        return _duration(value)
    if isinstance(value, list):
        return " > ".join(map(str, value))
    return Shown(value, f"{value:,}") if isinstance(value, int | float) else value


def _funnel(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _entries(found["funnel"], found)
    for group in found.get("groups", ()):
        yield ""
        yield "(all others)" if group.get("others") else plain(str(group.get("value")) or "(empty)")
        yield from _entries(group["funnel"], found)


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _entries(found["summary"], found)
    for name, dimension in _LISTS.items():
        if found.get(name):
            yield ""
            yield from _entries([{dimension: "", **entry} for entry in found[name]], found)
    if before := found.get("compared"):
        yield ""
        yield f"before: {', '.join(_totals(before))}"


def _retention(found: Mapping[str, Any]) -> list[Row]:
    """A row for each cohort; shares are of its actors, and one of an interval that is not over has a `+` behind it."""
    periods = found["total"]["periods"]
    head = ("COHORT", "ACTORS", *(str(one["period"]) for one in periods))
    rows: list[Row] = [head]
    for cohort in found["retention"]:
        cells: list[object] = [
            _time(cohort["start"], found["interval"], found["timezone"]),
            Shown(cohort["actors"], f"{cohort['actors']:,}"),
        ]
        for one in cohort["periods"]:
            share = _share(one["actors"] / max(cohort["actors"], 1))
            cells.append(share if one["complete"] else Shown(share, f"{share}+"))
        rows.append((*cells, *[""] * (len(head) - len(cells))))
    total = found["total"]["actors"]
    shares = [_share(one["actors"] / one["of"]) if one["of"] else "" for one in periods]
    return [*rows, ("all", Shown(total, f"{total:,}"), *shares)]


def _chart(rows: list[Row], numbers: Sequence[int] = ()) -> Iterator[str]:
    """The rows below their head, each with a bar as long as its number, where a terminal has room for that."""
    lines = list(table(rows, has_head=True))
    width = terminal_width()
    room = 0 if width is None else min(_BAR_MAX, width - max(map(len, lines)) - 2)
    most = max(numbers, default=0)
    if room < _BAR_MIN or most <= 0 or len(lines) != len(rows):
        yield from lines
        return
    longest = max(map(len, lines))
    yield lines[0]
    for line, number in zip(lines[1:], numbers, strict=True):
        yield f"{line:<{longest}}  {_bar(number / most, room)}".rstrip()


def _bar(part: float, room: int) -> str:
    """A bar of a part from 0 to 1, with eighths of a character where the terminal has them."""
    if "utf" not in (sys.stdout.encoding or "").lower():
        return "#" * round(part * room)
    full, rest = divmod(round(part * room * 8), 8)
    return "█" * full + _EIGHTHS[rest].strip()


def _share(value: float, sign: str = "") -> Shown:
    return Shown(value * 10_000, f"{value:{sign}.1%}")


def _duration(value_ms: float) -> Shown:
    """A time in its two largest units: `1d 3h`, `17s`, `250ms`."""
    left = round(value_ms)
    parts: list[str] = []
    for unit, length in _SECONDS:
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count}{unit}")
    return Shown(value_ms, " ".join(parts[:2]) or f"{round(value_ms)}ms")


def _time(time_ms: int, interval: str, timezone: str) -> str:
    zone = windows.zone(timezone) or dt.UTC
    if interval == "second":
        return moment(time_ms, zone)
    return dt.datetime.fromtimestamp(time_ms / 1000, zone).strftime(_FORMS.get(interval, "%Y-%m-%d"))


def _totals(total: Mapping[str, Any]) -> Iterable[str]:
    """The numbers of a total in words."""
    nouns = {"events": "event", "duplicates": "duplicate", "actors": "actor", "uniques": "actor", "values": "value"}
    for name, value in total.items():
        if name in nouns and isinstance(value, int):
            yield count_of(value, nouns[name])
        elif name == "change":
            yield f"change {_share(value, '+') if value is not None else '-'}"
        elif isinstance(value, int):
            yield f"{value:,} {_words(name)}"


def _words(name: str) -> str:
    return {"without": "without an actor", "withValue": "with a value", "actorsBefore": "actors before"}.get(name, name)


def _standing(found: Mapping[str, Any]) -> str:
    """Up to when events are counted, and how surely."""
    told = f"as of {moment(found['asOf'])}"
    told += "" if found["complete"] else ", not complete: some events up to then may still be on their way"
    return told + ("" if found["exact"] else ", estimated")
