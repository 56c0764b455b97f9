"""Which events a report or a schedule is about, and what its file looks like: read from an address, or a form."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from footfall.dashboard.visit import Visit
from footfall.plan import EventType
from footfall.state import User

FORMATS: Final = ("csv", "xlsx", "jsonl", "parquet", "arrow")
COMPRESSIONS: Final = ("", "none", "gzip", "zstd")
TIMES: Final = ("rfc3339", "excel", "ms")
# What each format has a choice of, beside its compression.
CSV_ONLY: Final = ("delimiter", "header", "safe")
_DELIMITERS: Final = {"pipe": "|", "comma": ",", "semicolon": ";", "tab": "\t"}
DELIMITERS: Final = tuple(_DELIMITERS)


class Choice(Struct, frozen=True, kw_only=True):
    """The fields of the form, as texts; empty ones stand for the default."""

    customer: str
    product: str
    types: tuple[str, ...]
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
        lists = [("types", each) for each in self.types]
        names = ("customer", "product", "start", "end", "timezone", "basis", "duplicates", "format", "compression")
        found = [(name, getattr(self, name)) for name in (*names, "delimiter", "times")]
        flags = [(name, "yes") for name in ("header", "safe") if getattr(self, name)]
        return [pair for pair in [*found, *lists, *flags, ("asOf", self.as_of), ("chosen", "yes")] if pair[1]]

    def filter(self) -> dict[str, Any]:
        """The `filter` of a schedule's body, which sets the times itself."""
        found: dict[str, Any] = {"customer": self.customer, "product": self.product}
        if self.types:
            found["types"] = list(self.types)
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
    customers, products = customers_of(visit), [product.name for product in visit.services.plan.plan.products]
    return Choice(
        customer=one("customer") or next(iter(customers), ""),
        product=one("product") or next(iter(products), ""),
        types=tuple(every("types")),
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
    user: User = visit.user
    return tuple(visit.services.plan.plan.customers) if user.admin else user.customers


def types_of(visit: Visit, product: str) -> tuple[EventType, ...]:
    """The types of a product, as the plan in force has them."""
    return next((each.types for each in visit.services.plan.plan.products if each.name == product), ())
