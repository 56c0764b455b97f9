"""The parameters of the calls under `/usage/`: parsed, with everything that is wrong named at once."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from footfall import validation, windows
from footfall.errors import Code, Problem, RequestRefused
from footfall.plan import Plan
from footfall.settings import Settings
from footfall.usage.grouping import COLUMNS, CONTEXT, Dimension
from footfall.usage.selection import (
    BASES,
    DUPLICATES,
    EVERY,
    OPERATIONS,
    Condition,
    EventSelection,
    parse_condition,
)

# The parameters of a selection, which every call takes.
SELECTION: Final = (
    *("customer", "product", "types", "versions", "where", "start", "end"),
    *("range", "timezone", "basis", "duplicates", "asOf", "lateAfter"),
)
_PLANLESS_KEY = re.compile(r"context[1-9][0-9]{0,2}")
_TIMEZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")
_DURATION = re.compile(r"([1-9][0-9]{0,11})(ms|s|m|h|d|w)")
_LATE_AFTER_S_MAX: Final = windows.TIME_MS_MAX // 1000
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": windows.DAY_MS, "w": 7 * windows.DAY_MS}


class ParameterReader:
    """Reads parameters and collects the problems with them; an empty parameter counts as not given."""

    def __init__(
        self, given: Mapping[str, Sequence[str]], settings: Settings, plan: Plan | None = None, now_ms: int = 0
    ) -> None:
        """`now_ms` says which day is today, of whose ranges the parameter `range` is one."""
        self._given = given
        # The names of the parameters that were looked for: those that the call has.
        self.names_read: set[str] = set()
        self._settings = settings
        self._plan = plan
        self._problems: list[Problem] = []
        self.conditions_max = settings.usage_conditions_max
        self._hinted = False
        self._now_ms = now_ms
        # Start and end that a range by name stood for.
        self.range: tuple[int, int] | None = None

    def wrong(self, where: str, why: str) -> None:
        self._problems.append(Problem(Code.REQUEST_PARAMETER_MALFORMED, where, why))

    def refuse(self) -> None:
        """Raise RequestRefused when problems were found."""
        if self._problems:
            count = "one thing is" if len(self._problems) == 1 else f"{len(self._problems)} things are"
            problems = tuple(self._problems[: self._settings.problems_max])
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, f"this cannot be counted: {count} wrong", problems)

    def selection(self) -> EventSelection:
        """The events that the parameters select."""
        timezone = self.timezone()
        as_of = self.time("asOf", timezone, is_last=True)
        start, end = self._times(timezone, self._now_ms if as_of is UNSET else as_of)
        if start is not UNSET and end is not UNSET and start > end:
            self.wrong("start", f"must not be later than end, {end}")
        products = self._scope("product")
        return EventSelection(
            customers=self._scope("customer"),
            products=() if EVERY in products else products,
            types=self.type_names("types"),
            versions=self.names("versions", self._settings.filter_types_max),
            where=self.conditions("where", products),
            start=start,
            end=end,
            basis=self.choice("basis", BASES, "event"),
            duplicates=self.choice("duplicates", DUPLICATES, "keep"),
            as_of=as_of,
            late_after_s=self.number("lateAfter", self._settings.late_after_s, 1, _LATE_AFTER_S_MAX),
        )

    def _times(self, timezone: tzinfo, now_ms: int) -> tuple[int | UnsetType, int | UnsetType]:
        """Start and end, or those of a range by name as of some time."""
        start, end = self.time("start", timezone), self.time("end", timezone, is_last=True)
        name = self.choice("range", ("", *windows.RANGES), "")
        if name not in windows.RANGES:
            return start, end
        if start is not UNSET or end is not UNSET:
            self.wrong("range", "stands for start and end: leave these out")
        if not windows.LEAST_MS + 366 * windows.DAY_MS < now_ms < windows.MOST_MS:
            self.wrong("range", "needs an asOf between the years 4 and 9998")
            return start, end
        self.range = windows.range_times(name, timezone, now_ms)
        return self.range

    def _scope(self, name: str) -> tuple[str, ...]:
        found = self.names(name, self._settings.usage_scope_max)
        if not found:
            self.wrong(name, f"is missing: name one or several, or {EVERY} for all that you may see")
        return (EVERY,) if EVERY in found else found

    def names(self, name: str, most: int) -> tuple[str, ...]:
        """The values of a parameter that may be given several times, each once."""
        found = tuple(dict.fromkeys(value for value in self._values(name) if value))
        if len(found) > most:
            self.wrong(name, f"must be given {most} times at the most")
        elif any(len(value) > self._settings.code_chars_max for value in found):
            self.wrong(name, f"must have {self._settings.code_chars_max} characters at the most")
        return found

    def conditions(self, name: str, products: tuple[str, ...]) -> tuple[Condition, ...]:
        """Conditions on context keys, all of which must hold."""
        given = [value for value in self._values(name) if value]
        if len(given) > self._settings.usage_conditions_max:
            self.wrong(name, f"must be given {self._settings.usage_conditions_max} times at the most")
            return ()
        return tuple(found for text in given if (found := self.condition(name, text, products)))

    def condition(self, name: str, text: str, products: tuple[str, ...]) -> Condition | None:
        """One condition; a problem is reported under the parameter's name."""
        found = parse_condition(text)
        if found is None:
            known = ", ".join(OPERATIONS)
            self.wrong(name, f"must be KEY:is:VALUE, or another operation instead of is: {known}")
            return None
        key = self.key(name, found.key, products)
        return Condition(key.name, found.operation, found.values) if key else None

    def key(self, parameter: str, name: str, products: tuple[str, ...]) -> Dimension | None:
        """A context key of the selected products."""
        known = self._known_keys(products)
        plain = name if name in known else name.removeprefix(CONTEXT)
        if plain in known or _PLANLESS_KEY.fullmatch(plain):
            return Dimension(plain, is_key=True)
        # Each takes some time for each key of the plan.
        may_hint = not self._hinted and len(plain) <= self._settings.code_chars_max
        near = get_close_matches(plain, known, n=1) if may_hint else []
        self._hinted = True
        hint = f"; did you mean {near[0]}?" if near else ""
        self.wrong(parameter, f"{plain[:100]} is not a context key of {_listed(products)}{hint}")
        return None

    def type_names(self, parameter: str) -> tuple[str, ...]:
        """The types that a parameter names; one that ends with a `*` stands for all that begin so."""
        return self.names(parameter, self._settings.filter_types_max)

    def optional_key(self, parameter: str, products: tuple[str, ...]) -> Dimension | None:
        """The context key that a parameter names, if any."""
        name = self.one(parameter)
        return self.key(parameter, name, products) if name else None

    def dimensions(self, parameter: str, products: tuple[str, ...], default: tuple[str, ...]) -> tuple[Dimension, ...]:
        """By what to group: at most two of type, product, customer, version or a context key; `none` for nothing."""
        found = tuple(dict.fromkeys(value for value in self._values(parameter) if value)) or default
        if found == ("none",):
            return ()
        if len(found) > 2:
            self.wrong(parameter, "must be given twice at the most")
            return ()
        read = [Dimension(name) if name in COLUMNS else self.key(parameter, name, products) for name in found]
        return tuple(each for each in read if each)

    def time(self, name: str, zone: tzinfo, *, is_last: bool = False) -> int | UnsetType:
        """A time; a plus that was not escaped in the URL arrives as a space."""
        found = self.one(name)
        if not found:
            return UNSET
        time_ms = windows.parse_instant(found.replace(" ", "+"), zone, is_last=is_last)
        if time_ms is not None and abs(time_ms) <= windows.TIME_MS_MAX:
            if mistake := validation.unit_mistake(name, time_ms):
                self.wrong(mistake.where, mistake.why)
            return time_ms
        self.wrong(name, windows.INSTANTS)
        return UNSET

    def timezone(self) -> tzinfo:
        """The zone of the intervals and of dates without an offset; UTC where it is wrong, which is reported once."""
        found = self.one("timezone") or "UTC"
        zone = windows.zone(found) if _TIMEZONE.fullmatch(found) else None
        if zone is None and "timezone" not in {problem.where for problem in self._problems}:
            self.wrong("timezone", "must be the name of a time zone, such as UTC or Europe/Berlin")
        return zone or UTC

    def zone(self) -> ZoneInfo:
        """The same zone, as counting needs it."""
        found = self.timezone()
        return found if isinstance(found, ZoneInfo) else ZoneInfo("UTC")

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        found = self.one(name) or default
        if found not in choices:
            self.wrong(name, f"must be one of: {', '.join(choices)}")
        return found

    def flag(self, name: str) -> bool:
        return self.choice(name, ("true", "false"), "false") == "true"

    def number(self, name: str, default: int, least: int, most: int) -> int:
        found = self.one(name)
        if not found:
            return default
        if not (found.isascii() and found.isdigit() and len(found) <= len(str(most)) and least <= int(found) <= most):
            self.wrong(name, f"must be a number from {least} to {most}")
            return default
        return int(found)

    def duration_ms(self, name: str, default: str) -> int:
        """A length of time such as 30m, 12h, 7d or 4w."""
        found = _DURATION.fullmatch(self.one(name) or default)
        if found is None or int(found[1]) * _UNITS_MS[found[2]] > 3650 * windows.DAY_MS:
            self.wrong(name, "must be a length of time of ten years at the most, such as 30m, 12h, 7d or 4w")
            return windows.DAY_MS
        return int(found[1]) * _UNITS_MS[found[2]]

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of a parameter, in order."""
        return tuple(value for value in self._values(name) if value)

    def _values(self, name: str) -> Sequence[str]:
        self.names_read.add(name)
        return self._given.get(name, ())

    def one(self, name: str) -> str:
        """The value of a parameter that is given once; empty where it is left out."""
        found = self._values(name)
        if len(found) > 1:
            self.wrong(name, "must be given once")
        return found[0] if found else ""

    def _known_keys(self, products: tuple[str, ...]) -> list[str]:
        plan = self._plan
        scope = () if EVERY in products else products
        found = [product for product in (plan.products if plan else ()) if not scope or product.name in scope]
        return list(dict.fromkeys(column for product in found for column in product.columns))


def _listed(products: tuple[str, ...]) -> str:
    return "any product" if EVERY in products or not products else " or ".join(products[:3])
