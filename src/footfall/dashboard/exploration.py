"""What Explore asks, as its address has it: a statistic, what it is broken down by, and how that is shown."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from footfall.accounts import may_see
from footfall.dashboard.address import PageAddress
from footfall.dashboard.period import Period
from footfall.dashboard.selection import Parameters, parameters
from footfall.plan import Plan
from footfall.state import User

CALLS: Final = ("counts", "uniques")
CHARTS: Final = ("line", "stacked", "bar", "table", "number")
COLUMNS: Final = ("type", "product", "customer", "version")
OPERATIONS: Final = ("is", "is not", "one of", "contains", "empty", "not empty")
TOPS: Final = ("5", "10", "20", "50")
# Charts over time, which have a value for each interval.
OVER_TIME: Final = ("line", "stacked")
# Lines or colours of a chart that people can tell apart; tables have as many as are asked for.
_LINES_MAX: Final = 8


class Exploration(Struct, frozen=True):
    """A statistic (`call`), by what it is broken down, how many values of that are shown, and as which chart."""

    call: str
    by: tuple[str, ...]
    top: str
    chart: str

    def parameters(self, address: PageAddress, period: Period) -> Parameters:
        """The parameters of the statistic."""
        interval = period.interval if self.chart in OVER_TIME else "all"
        given = {**parameters(address, period), "interval": [interval]}
        if self.call == "uniques":
            return given
        given["by"] = list(self.by) or ["none"]
        if self.by:
            top = min(int(self.top), _LINES_MAX) if self.chart in OVER_TIME else int(self.top)
            given["top"] = [str(top)]
        if self.chart in OVER_TIME:
            given["fill"] = ["true"]
        return given


def read_exploration(address: PageAddress) -> Exploration:
    """What an address asks; what it does not say, or says wrongly, is what most people begin with."""
    call = address.one("call", CALLS[0])
    call = call if call in CALLS else CALLS[0]
    by = tuple(each for each in address.all("by") if each != "none")[:2] if call == "counts" else ()
    chart = address.one("chart", CHARTS[0])
    top = address.one("top", "10")
    return Exploration(call, by, top if top in TOPS else "10", chart if chart in CHARTS else CHARTS[0])


class Choices(Struct, frozen=True):
    """What the plan knows, as far as a user may see it: values that fields offer, which take any other too."""

    customers: tuple[str, ...]
    products: tuple[str, ...]
    types: tuple[str, ...]
    keys: tuple[str, ...]


def choices_of(plan: Plan, user: User, address: PageAddress) -> Choices:
    """The customers of the user, all products, and types and keys of the chosen ones."""
    chosen = set(address.all("product"))
    products = [product for product in plan.products if not chosen or product.name in chosen]
    known = plan.customers if user.admin else user.customers
    return Choices(
        tuple(customer for customer in known if may_see(user, customer)),
        tuple(product.name for product in plan.products),
        tuple(kind.name for product in products for kind in product.types),
        tuple(dict.fromkeys(column for product in products for column in product.columns)),
    )


def composed(address: PageAddress) -> PageAddress | None:
    """The address with what the fields of the form say in the statistics' own words; None where they say nothing.

    A condition comes as three fields, and a value that is added as one of its own: so forms need no script.
    """
    key, operation, value = address.one("where_key"), address.one("where_is"), address.one("where_value")
    added = [(name, value) for name, value in address.pairs if name.startswith("add_")]
    if not (key or operation or value or added):
        return None
    found = address
    for name in {name for name, _ in address.pairs if name.startswith(("add_", "where_"))}:
        found = found.removing(name)
    for name, each in added:
        found = found.adding(name.removeprefix("add_"), each.strip())
    if key and operation in OPERATIONS:
        needs_none = operation.endswith("empty")
        condition = f"{key}:{operation}" if needs_none else f"{key}:{operation}:{value}"
        if needs_none or value:
            found = found.adding("where", condition)
    return found


def charts_of(call: str) -> Iterator[str]:
    """The charts of a statistic: one that has no breakdown has no bars."""
    yield from (chart for chart in CHARTS if call == "counts" or chart not in ("bar", "stacked"))
