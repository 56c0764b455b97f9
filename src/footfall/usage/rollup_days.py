"""Days of customers and products, and the statements that count some of them from their events."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from footfall.store import query
from footfall.usage.grouping import fill
from footfall.usage.intervals import Intervals
from footfall.windows import DAY_MS

# Days that one statement counts from events: their codes are parameters, some 100 bytes each.
DAYS_AT_ONCE_MAX: Final = 2_000

# What a scope selects of types and versions.
TYPES: Final = """(empty({types:Array(String)}) AND empty({prefixes:Array(String)})
        OR type IN {types:Array(String)}
        OR arrayExists(prefix -> startsWith(toString(type), prefix), {prefixes:Array(String)}))
    AND (empty({versions:Array(String)}) OR version IN {versions:Array(String)})"""
# The rows of some days that a scope selects, and the same of one customer's product, which is cheaper to look up.
_SELECTED: Final = f"""timestamp BETWEEN {{start:Int64}} AND {{end:Int64}}
    AND admitted <= {{watermark:Int64}}
    AND {TYPES}"""
_OF_SEVERAL: Final = f"""(customer, product, intDiv(timestamp, {DAY_MS}))
        IN arrayZip({{customers:Array(String)}}, {{products:Array(String)}}, {{days:Array(Int64)}})
    AND {_SELECTED}"""
_OF_ONE: Final = f"""customer = {{customer:String}}
    AND product = {{product:String}}
    AND intDiv(timestamp, {DAY_MS}) IN {{days:Array(Int64)}}
    AND {_SELECTED}"""
# A customer's product with so many rows is counted by itself.
_ROWS_OF_ONE_MIN: Final = 50_000


class Day(NamedTuple):
    """A UTC day of a customer's product, in days since 1970, and about how many rows it has."""

    customer: str
    product: str
    day: int
    rows: int


def counts_statement(intervals: Intervals, days: Sequence[Day]) -> str:
    """The statement that counts some days by interval, customer, product, type and version."""
    if len({day[:2] for day in days}) == 1:
        who = {"customer": "{customer:String}", "product": "{product:String}", "keys": "", "selected": _OF_ONE}
    else:
        who = {"customer": "customer", "product": "product", "keys": "customer, product,", "selected": _OF_SEVERAL}
    return fill(query("rollup_counts"), {**who, "begin": intervals.expression})


def rows_statement(days: Sequence[Day]) -> str:
    """The condition of the rows of some days."""
    return _OF_ONE if len({day[:2] for day in days}) == 1 else _OF_SEVERAL


def day_parameters(days: Sequence[Day]) -> dict[str, Any]:
    """The parameters that name days."""
    customers, products, numbers = ([one[at] for one in days] for at in range(3))
    one = {"customer": customers[0], "product": products[0]}
    return {**one, "customers": customers, "products": products, "days": numbers}


def gather_days(days: Iterable[Day], rows_max: int) -> Iterator[list[Day]]:
    """The days, as many together as have at most `rows_max` rows; one that has more by itself.

    Those of a customer's product with many rows come together, all others in the order of time.
    """
    rows: Counter[tuple[str, str]] = Counter()
    for one in (listed := list(days)):
        rows[one.customer, one.product] += one.rows
    many = {who for who, number in rows.items() if number >= _ROWS_OF_ONE_MIN}
    few = [one for one in listed if one[:2] not in many]
    for who in sorted(many):
        yield from _fitting(sorted(one for one in listed if one[:2] == who), rows_max)
    yield from _fitting(sorted(few, key=lambda day: (day.day, day.customer, day.product)), rows_max)


def _fitting(days: Iterable[Day], rows_max: int) -> Iterator[list[Day]]:
    together: list[Day] = []
    rows = 0
    for one in days:
        if together and (rows + one.rows > rows_max or len(together) == DAYS_AT_ONCE_MAX):
            yield together
            together, rows = [], 0
        together.append(one)
        rows += one.rows
    if together:
        yield together
