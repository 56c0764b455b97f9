"""Which events a command is about: the options, what they are in a report's body, and in a statistic's query."""

import datetime as dt
import functools
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import click
from msgspec import Struct

from footfall import windows
from footfall.cli.output import chosen_zone, short_zone_option
from footfall.system.clock import SystemClock

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
_AGE: Final = re.compile(r"([1-9]\d{0,4})([mhdw])", re.ASCII)
_EXACT_MS: Final = {"m": windows.MINUTE_MS, "h": windows.HOUR_MS}
_DAYS: Final = {"d": 1, "w": 7}
_EVERY: Final = "*"
# The first of the options.
_SCOPE: Final = ("customers", "products", "types", "versions", "where")


class ChosenEvents(Struct, frozen=True):
    """The events that the options name; times are milliseconds, or dates and times of `timezone` as they were typed."""

    customers: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    start: int | str | None = None
    end: int | str | None = None
    timezone: str | None = None
    basis: str | None = None
    duplicates: str | None = None
    view: str | None = None

    def report_body(self, output: dict[str, Any]) -> dict[str, Any]:
        """The body of `POST /reports`."""
        lists = {name: list(getattr(self, name)) for name in ("types", "versions", "where") if getattr(self, name)}
        single = {name: getattr(self, name) for name in ("start", "end", "timezone", "basis")}
        wanted = {
            **_scope("customer", self.customers),
            **_scope("product", self.products),
            **lists,
            **{name: value for name, value in single.items() if value is not None},
        }
        beside = {name: getattr(self, name) for name in ("view", "duplicates") if getattr(self, name) is not None}
        return {"filter": wanted, "output": output, **beside}

    def usage_parameters(self) -> dict[str, Any]:
        """The parameters of a call under `/usage/`; without a customer, a product or a view all that may be seen."""
        everything = () if self.view else (_EVERY,)
        found: dict[str, Any] = {
            "customer": self.customers or everything,
            "product": self.products or everything,
            "types": self.types,
            "versions": self.versions,
            "where": self.where,
            **{name: getattr(self, name) for name in ("start", "end", "timezone", "basis", "duplicates", "view")},
        }
        return {name: value for name, value in found.items() if value is not None and value != ()}


def selection_options(command: AnyFunction) -> AnyFunction:
    """Pass a command the `ChosenEvents` of its options."""

    @functools.wraps(command)
    def informed(*arguments: Any, last: str | None, zone: str | None, **options: Any) -> Any:
        given = {name: options.pop(name) for name in ChosenEvents.__struct_fields__ if name in options}
        if last is not None and (given["start"] is not None or given["end"] is not None):
            raise click.UsageError("--last stands for --start and --end: say one or the other")
        if last is not None:
            given["start"], given["end"] = last_times(last, chosen_zone(), SystemClock().now_ms())
        return command(*arguments, selection=ChosenEvents(**given, timezone=zone), **options)

    for option in reversed(_OPTIONS):
        informed = option(informed)
    return cast("AnyFunction", short_zone_option(informed))


def scope_options(command: AnyFunction) -> AnyFunction:
    """The same without times: whose events, and which."""

    @functools.wraps(command)
    def informed(*arguments: Any, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _SCOPE}
        return command(*arguments, selection=ChosenEvents(**given), **options)

    for option in reversed(_OPTIONS[: len(_SCOPE)]):
        informed = option(informed)
    return cast("AnyFunction", informed)


def last_times(text: str, zone: dt.tzinfo, now_ms: int) -> tuple[int | str, int | str | None]:
    """Start and end of the last days, which are whole ones and end with today; or of the last hours, which end now."""
    today = dt.datetime.fromtimestamp(now_ms / 1000, zone).date()
    if text in ("month", "year"):
        return str(windows.first_day_of_range(text, today)), str(today)
    age = _AGE.fullmatch("1d" if text == "today" else text)
    if age is None:
        raise click.BadParameter(f"{text!r}: say 7d, 4w, 12h, 30m, today, month or year", param_hint="--last")
    number, unit = int(age[1]), age[2]
    if unit in _EXACT_MS:
        return now_ms - number * _EXACT_MS[unit], None
    return str(today - dt.timedelta(days=number * _DAYS[unit] - 1)), str(today)


def _names(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Names, each given by itself or several with commas between."""
    return tuple(name for value in values for name in (part.strip() for part in value.split(",")) if name)


def _time(_context: click.Context, _option: click.Parameter, text: str | None) -> int | str | None:
    """An age as a time; any other text is the service's to read."""
    if text is None:
        return None
    if (age := _AGE.fullmatch(text)) is not None:
        units = {**_EXACT_MS, **{unit: days * windows.DAY_MS for unit, days in _DAYS.items()}}
        return SystemClock().now_ms() - int(age[1]) * units[age[2]]
    return int(text) if re.fullmatch(r"-?\d{1,16}", text, re.ASCII) else text


def _scope(kind: str, names: tuple[str, ...]) -> dict[str, Any]:
    """One customer or product as such; several, and all, as a list."""
    if not names:
        return {}
    return {kind: names[0]} if len(names) == 1 and names[0] != _EVERY else {f"{kind}s": list(names)}


def _option(flags: tuple[str, ...], metavar: str, text: str, **how: Any) -> Callable[[AnyFunction], AnyFunction]:
    return click.option(*flags, metavar=metavar, help=text, **how)


_SEVERAL: Final[dict[str, Any]] = {"multiple": True, "callback": _names}
_OPTIONS: Final = (
    _option(("--customer", "customers"), "CODE", "Of this customer; repeat for more, or '*' for all.", **_SEVERAL),
    _option(("--product", "products"), "CODE", "Of this product; repeat for more, or '*' for all.", **_SEVERAL),
    _option(("--types", "types"), "TYPE,...", "Of these types; with a * behind, of those that begin so.", **_SEVERAL),
    _option(("--version", "versions"), "TEXT", "With this version; repeat for more.", multiple=True),
    _option(("--where", "where"), "KEY:is:VALUE", "Where a context key is so; repeat for more.", multiple=True),
    _option(("--last", "last"), "TIME", "Of the last days, up to today (7d, 4w, month), or hours (12h), up to now."),
    _option(("--start", "start"), "TIME", "From then on: 2026-11-01, 2026-11-01T18:30, milliseconds.", callback=_time),
    _option(("--end", "end"), "TIME", "Up to then; a date has all of its day.", callback=_time),
    click.option("--basis", type=click.Choice(["event", "received"]), help="Which time is meant; that of the event."),
    click.option("--duplicates", type=click.Choice(["keep", "drop"]), help="Whether they are in it; they are."),
    _option(("--view", "view"), "NAME", "What a saved view says, where no other option does."),
)
