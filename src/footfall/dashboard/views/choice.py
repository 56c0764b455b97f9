"""Which events a report or a schedule is about, and what its file looks like: read from an address, or a form."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from footfall.accounts import sees_all_customers, visible_products
from footfall.dashboard.selection import ALL
from footfall.dashboard.visit import Visit
from footfall.plan import EventType
from footfall.wire import ReportFilter

FORMATS: Final = ("csv", "xlsx", "jsonl", "parquet", "arrow")
COMPRESSIONS: Final = ("", "none", "gzip", "zstd")
TIMES: Final = ("rfc3339", "excel", "ms")
# What each format has a choice of, beside its compression.
CSV_ONLY: Final = ("delimiter", "header", "safe")
_DELIMITERS: Final = {"pipe": "|", "comma": ",", "semicolon": ";", "tab": "\t"}
DELIMITERS: Final = tuple(_DELIMITERS)


class Choice(Struct, frozen=True, kw_only=True):
    """The fields of the form, as texts; empty ones stand for the default."""

    customers: tuple[str, ...]
    products: tuple[str, ...]
    types: tuple[str, ...]
    versions: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    start: str
    end: str
    timezone: str
    basis: str
    duplicates: str
    format: str
    compression: str
    delimiter: str
    header: bool
    times: str
    safe: bool
    as_of: str = ""

    def pairs(self) -> list[tuple[str, str]]:
        """The fields as those of a form."""
        lists = [(name, each) for name, values in self.lists().items() for each in values]
        names = ("start", "end", "timezone", "basis", "duplicates", "format", "compression")
        found = [(name, str(getattr(self, name))) for name in (*names, "delimiter", "times")]
        flags = [(name, "yes") for name in ("header", "safe") if getattr(self, name)]
        return [pair for pair in [*lists, *found, *flags, ("asOf", self.as_of), ("chosen", "yes")] if pair[1]]

    def lists(self) -> dict[str, tuple[str, ...]]:
        """The fields that may have several values, by their names in the form."""
        return {
            "customer": self.customers,
            "product": self.products,
            "types": self.types,
            "versions": self.versions,
            "where": self.where,
        }

    def filter(self) -> dict[str, Any]:
        """The `filter` of a schedule's body, which sets the times itself."""
        found: dict[str, Any] = {}
        for name, values in self.lists().items():
            if name in ("customer", "product") and (len(values) != 1 or values == (ALL,)):
                found[f"{name}s"] = list(values)
            elif name in ("customer", "product"):
                found[name] = values[0]
            elif values:
                found[name] = list(values)
        return found | ({"basis": self.basis} if self.basis == "received" else {})

    def output(self) -> dict[str, Any]:
        """The `output` of a body: what the format has a choice of."""
        found: dict[str, Any] = {"format": self.format}
        if self.compression:
            found["compression"] = self.compression
        if self.format == "csv":
            found |= {"delimiter": _DELIMITERS[self.delimiter], "header": self.header, "spreadsheetSafe": self.safe}
        if self.format in ("csv", "jsonl"):
            found["times"] = self.times
        return found

    def body(self) -> bytes:
        """The body of `POST /reports`."""
        times = {name: getattr(self, name) for name in ("start", "end", "timezone") if getattr(self, name)}
        output = self.output() | ({"asOf": self.as_of} if self.as_of else {})
        found: dict[str, Any] = {"filter": self.filter() | times, "output": output}
        if self.duplicates:
            found["duplicates"] = self.duplicates
        return msgspec.json.encode(found)


def read_choice(visit: Visit, one: Callable[[str], str], every: Callable[[str], list[str]]) -> Choice:
    """The choice of an address or a form, with a customer and product of the user where it names none."""
    # A form that was sent has what is not ticked; before that, the ticks are as most people want them.
    is_sent = bool(one("chosen"))
    return Choice(
        customers=tuple(every("customer")) or customers_of(visit)[:1],
        products=tuple(every("product")) or products_of(visit)[:1],
        types=tuple(every("types")),
        versions=tuple(every("versions")),
        where=tuple(every("where")),
        start=one("start"),
        end=one("end"),
        timezone=one("timezone") or visit.zone,
        basis=one("basis") if one("basis") in ("event", "received") else "event",
        duplicates=one("duplicates") if one("duplicates") in ("keep", "drop") else "keep",
        format=one("format") if one("format") in FORMATS else FORMATS[0],
        compression=one("compression") if one("compression") in COMPRESSIONS else "",
        delimiter=one("delimiter") if one("delimiter") in DELIMITERS else DELIMITERS[0],
        header=bool(one("header")) or not is_sent,
        times=one("times") if one("times") in TIMES else TIMES[0],
        safe=bool(one("safe")),
        as_of=one("asOf"),
    )


def customers_of(visit: Visit) -> tuple[str, ...]:
    """The customers that a form offers: those of the user, for an admin those of the plan."""
    return visit.services.plan.plan.customers if sees_all_customers(visit.user) else visit.user.customers


def products_of(visit: Visit) -> tuple[str, ...]:
    """The products that a form offers: those of the plan that the user may see."""
    names, visible = (each.name for each in visit.services.plan.plan.products), visible_products(visit.user)
    return tuple(name for name in names if not visible or name in visible)


def types_of(visit: Visit, products: tuple[str, ...]) -> tuple[EventType, ...]:
    """The types of products, as the plan in force has them."""
    names = products_of(visit) if ALL in products else products
    return tuple(kind for kind in visit.services.plan.plan.types if kind.product in names)


class Selected(Struct, frozen=True):
    """What a report or a schedule is about, as pages say it."""

    customers: tuple[str, ...]
    products: tuple[str, ...]
    types: tuple[str, ...]
    further: tuple[str, ...]
    start: int | None
    end: int | None


def selected(wanted: ReportFilter | dict[str, Any]) -> Selected:
    """The selection of a report's filter, or of a schedule's, which has no times."""
    found = wanted if isinstance(wanted, ReportFilter) else msgspec.convert(wanted, ReportFilter)
    return Selected(
        (found.customer,) if isinstance(found.customer, str) else tuple(found.customers or ()),
        (found.product,) if isinstance(found.product, str) else tuple(found.products or ()),
        tuple(found.types or ()),
        (*(found.versions or ()), *(found.where or ())),
        found.start if isinstance(found.start, int) else None,
        found.end if isinstance(found.end, int) else None,
    )
