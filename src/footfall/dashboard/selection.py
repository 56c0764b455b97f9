"""Which events a page is about: the part of its address that the statistics take as it is."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from footfall.dashboard.address import PageAddress
from footfall.dashboard.period import Period
from footfall.dashboard.visit import Visit
from footfall.usage import Answer

# The parameters that choose events, by the names of the statistics, and those that say how they are counted.
FILTERS: Final = ("customer", "product", "types", "versions", "where")
FURTHER: Final = ("basis", "duplicates", "asOf")
# The parameter that a click on a value of a list sets.
PARAMETER_OF: Final = {"type": "types", "product": "product", "customer": "customer", "version": "versions"}
ALL: Final = "*"

Parameters = dict[str, list[str]]


class Filter(Struct, frozen=True):
    """A filter that is set: what it says, and the address without it."""

    name: str
    value: str
    without: PageAddress


def parameters(address: PageAddress, period: Period) -> Parameters:
    """The selection as the statistics take it: without a customer or product it is about all that the user may see."""
    found = address.given((*FILTERS, *FURTHER))
    return {"customer": [ALL], "product": [ALL], **found, **period.parameters()}


def filters(address: PageAddress) -> Iterator[Filter]:
    """The filters that are set, in the order of the parameters."""
    for name in FILTERS:
        for value in address.all(name):
            if value != ALL:
                yield Filter(name, value, address.removing(name, value))


async def ask(visit: Visit, name: str, given: Mapping[str, list[str]]) -> Answer:
    """The answer of a statistic, as `GET /usage/NAME` gives it. Raises RequestRefused as that does."""
    question = visit.services.usage.parse(name, given)
    return await visit.services.usage.ask(visit.user, question, asked_s=visit.begun_s)


def narrowed(address: PageAddress, key: str, value: str) -> PageAddress:
    """The address of the events with one value of a column or of a context key; the same where that has no filter."""
    if key in PARAMETER_OF:
        return address.with_values(**{PARAMETER_OF[key]: value}) if value else address
    plain = key.removeprefix("context.")
    return address.adding("where", f"{plain}:is:{value}" if value else f"{plain}:empty")
