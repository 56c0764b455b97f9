"""A report of several customers or products: its parts, and the statement that reads the rows of one.

The rows are in the order of the table's key: by customer, by product, and within these by time. The table has a
partition a month, so that one statement for all rows would read the months of years at once. A report is therefore read
in parts. A customer's product with many events is a part of its own, and is read month by month like any report. Of
those with few, as many as have few rows together are one part and one statement, which puts these rows in order.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from msgspec import Struct, structs

from footfall.plan import Plan
from footfall.reports.query.layout import Field, Layout, columns_problem, scope_layout
from footfall.reports.query.statement import NO_PLACE_CODE, NOTHING, NULL, ReportStatement, fixed_place
from footfall.reports.selection import job_filter, select_events
from footfall.state import Job
from footfall.store import Store, query
from footfall.usage import EventFilter, EventSelection, Limit, TimeSpan


class PairRows(Struct, frozen=True):
    """The events of a customer's product: the most rows of the report, and those with which they are compared.

    Times are timestamps in ms. An event that was loaded twice and is not merged yet counts twice.
    """

    customer: str
    product: str
    rows: int
    compared: int
    first_ms: int
    last_ms: int

    def narrow(self, selection: EventSelection) -> EventSelection:
        """The report's selection, of this pair alone."""
        return structs.replace(selection, customers=(self.customer,), products=(self.product,))


class PairGroup(Struct, frozen=True):
    """What is read at once: pairs in order, which are all of some customers, or some of one."""

    pairs: tuple[PairRows, ...]
    by_customer: bool

    @property
    def rows(self) -> int:
        """The most rows of all pairs."""
        return sum(pair.rows for pair in self.pairs)

    @property
    def is_single(self) -> bool:
        """Whether all rows are of one customer's one product."""
        return len(self.pairs) == 1

    @property
    def span(self) -> TimeSpan:
        """From the first to the last timestamp."""
        return _span(self.pairs, self.rows)

    def narrow(self, selection: EventSelection) -> EventSelection:
        """The report's selection, of these pairs alone."""
        customers = tuple(dict.fromkeys(pair.customer for pair in self.pairs))
        if self.is_single:
            return self.pairs[0].narrow(selection)
        if self.by_customer:
            return structs.replace(selection, customers=customers)
        return structs.replace(selection, customers=customers, products=tuple(pair.product for pair in self.pairs))


def read_pairs(store: Store, selected: EventFilter, settings: dict[str, Any]) -> list[PairRows]:
    """The pairs that may have events, in order. Raises what the store raises.

    One statement, which takes some 0.02 us of a core an event.
    """
    return [PairRows(*row) for row in store.rows(selected.fill(query("report_pairs")), selected.parameters, settings)]


class Survey(Struct, frozen=True):
    """The pairs of a report, its columns, and those of its products that the plan does not know."""

    pairs: tuple[PairRows, ...]
    layout: Layout
    planless: tuple[str, ...]

    @property
    def rows(self) -> int:
        """The most rows of the report."""
        return sum(pair.rows for pair in self.pairs)

    @property
    def span(self) -> TimeSpan:
        """From the first to the last timestamp of the report, with the number of all rows that are compared."""
        return _span(self.pairs, _compared(self.pairs))

    def spread(self, count: int) -> Iterator[PairRows]:
        """The pairs at so many even distances among the rows; of one pair that is there twice, later pieces of time."""
        places = [self.rows * (2 * at + 1) // (2 * count) for at in range(count)]
        before = 0
        for pair in self.pairs:
            mine = [place for place in places if before <= place < before + pair.rows]
            width = pair.last_ms - pair.first_ms
            for at in range(len(mine)):
                yield structs.replace(pair, first_ms=pair.first_ms + width * at // len(mine))
            before += pair.rows


class ReportImpossible(Exception):
    """The report cannot be made with the plan in force; the text is fit for its reason."""


def survey_scope(store: Store, job: Job, plan: Plan | None, limit: Limit) -> Survey:
    """What a report of several customers or products has. Raises ReportImpossible, and what the store raises."""
    selection = select_events(job)
    pairs = tuple(read_pairs(store, job_filter(job, plan), limit()))
    planless = planless_products(plan, pairs)
    length = 0
    if planless:
        bare = job_filter(job, plan, structs.replace(selection, products=planless))
        months = store.rows(bare.fill(query("report_months")), bare.parameters, limit())
        length = max((longest for *_, longest, _ in months), default=0)
    if why := columns_problem(plan, selection.products, length):
        raise ReportImpossible(f"its products {why}")
    return Survey(pairs, scope_layout(plan, selection.products, length), planless)


def join_pairs(pairs: Sequence[PairRows], rows_max: int) -> Iterator[PairGroup]:
    """The pairs, neighbours joined while together they have at most `rows_max` compared rows."""
    joined: list[PairRows] = []
    for customer in _by_customer(pairs):
        if _compared(customer) > rows_max:
            if joined:
                yield PairGroup(tuple(joined), by_customer=True)
            joined = []
            yield from _join(customer, rows_max)
            continue
        if joined and _compared(joined) + _compared(customer) > rows_max:
            yield PairGroup(tuple(joined), by_customer=True)
            joined = []
        joined += customer
    if joined:
        yield PairGroup(tuple(joined), by_customer=True)


def _by_customer(pairs: Iterable[PairRows]) -> Iterator[list[PairRows]]:
    found: dict[str, list[PairRows]] = {}
    for pair in pairs:
        found.setdefault(pair.customer, []).append(pair)
    yield from found.values()


def _join(pairs: Iterable[PairRows], rows_max: int) -> Iterator[PairGroup]:
    """Parts of one customer."""
    joined: list[PairRows] = []
    for pair in pairs:
        if joined and _compared(joined) + pair.compared > rows_max:
            yield PairGroup(tuple(joined), by_customer=False)
            joined = []
        joined.append(pair)
    if joined:
        yield PairGroup(tuple(joined), by_customer=False)


def _span(pairs: Iterable[PairRows], rows: int) -> TimeSpan:
    there = [pair for pair in pairs if pair.rows]
    if not there:
        return TimeSpan(0, -1, 0)
    return TimeSpan(min(pair.first_ms for pair in there), max(pair.last_ms for pair in there), rows)


def _compared(pairs: Iterable[PairRows]) -> int:
    return sum(pair.compared for pair in pairs)


def planless_products(plan: Plan | None, pairs: Iterable[PairRows]) -> tuple[str, ...]:
    """The products with events that the plan does not know."""
    known = {product.name for product in plan.products} if plan else set()
    return tuple(sorted({pair.product for pair in pairs if pair.rows} - known))


class ScopeStatement(ReportStatement):
    """The statement of the rows of a part; `kinds` are the products and types of its events.

    `selected` selects the part's events, in `planless` are products without a plan. Where all rows are of one product,
    a type's layout is found by its type, otherwise by product and type.
    """

    _sources: ClassVar = "customer, product, timestamp, type, context, batch, sequence"
    _order: ClassVar = "customer, product, timestamp, batch, sequence"

    def __init__(
        self,
        job: Job,
        layout: Layout,
        selected: EventFilter,
        kinds: Iterable[tuple[str, str]],
        planless: Iterable[str],
    ) -> None:
        self._planless = frozenset(planless)
        self._types_of: dict[str, set[str]] = {}
        self._has_planless = False
        for product, kind in kinds:
            if product in self._planless:
                self._has_planless = True
            else:
                self._types_of.setdefault(product, set()).add(kind)
        self._kinds = sum(map(len, self._types_of.values()))
        # The varying columns of products without a plan, with their places.
        self._planless_places: list[tuple[int, int]] = []
        super().__init__(job, layout, None, selected)

    def _value(self, field: Field) -> str:
        csv = self._job.format == "csv"
        if self._has_planless and not self._types_of:
            bare = next((place.position for place in field.places if not place.product), None)
            return self._nothing if bare is None else fixed_place(bare, csv=csv)
        places: dict[str, int] = {}
        planless = None
        for place in reversed(field.places):
            if not place.product:
                planless = place.position if self._has_planless else None
                continue
            if types := self._types_of.get(place.product):
                places |= {self._key(place.product, name): place.position for name in place.types if name in types}
        if not places and planless is None:
            return self._nothing
        if not self._has_planless and len(places) == self._kinds and len({*places.values()}) == 1:
            value = f"context[{places.popitem()[1]:d}]"
            return value if csv else f"toNullable({value})"
        self._varying_columns += 1
        for key, position in places.items():
            self._places_by_type.setdefault(key, []).append((self._varying_columns, position))
        if planless is not None:
            self._planless_places.append((self._varying_columns, planless))
        return f"{self._names.place}({self._varying_columns:d})"

    @property
    def _nothing(self) -> str:
        return NOTHING if self._job.format == "csv" else NULL

    @property
    def _is_mixed(self) -> bool:
        """Whether the type alone does not say of which product an event is."""
        return len(self._types_of) > 1 or self._has_planless

    def _key(self, product: str, kind: str) -> str:
        # A length in front keeps two products apart whatever their names and types have in them.
        return f"{len(product.encode())}:{product}{kind}" if self._is_mixed else kind

    def _type_layout(self) -> str:
        names = self._names
        if not self._varying_columns:
            return f"'' AS {names.layout}"
        key = "concat(toString(length(product)), ':', product, type)" if self._is_mixed else "type"
        found = self._transform(key)
        if not self._has_planless:
            return f"{found} AS {names.layout}"
        self._parameters |= {
            "planless": sorted(self._planless),
            "planless_layout": self._line_of(self._planless_places),
        }
        is_planless = f"product IN {{planless:Array(String)}} AS {names.planless}"
        return f"{is_planless}, if({names.planless}, {{planless_layout:String}}, {found}) AS {names.layout}"

    def _place(self) -> str:
        place = super()._place()
        if self._job.format == "csv" or not self._has_planless:
            return place
        # Nothing, and no empty text, stands for what lies past the end of a context that no plan describes.
        plain = f"ascii(substring({self._names.layout}, {self._names.column}, 1)) - {NO_PLACE_CODE:d}"
        return f"if({self._names.planless} AND {plain} > length(context), NULL, {place})"
