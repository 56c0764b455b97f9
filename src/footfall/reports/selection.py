"""A report's filter as a case of the one selection that statistics and reports share; and who may see it.

`customer` and `product` name one each. `customers` and `products` name one or several, or all by a `*`; the file of
such a filter has columns for both. A `*` stands for those whom the user may see when the report is ordered: the job
keeps their names. It stays a `*` for who may see all, such as the customers of an admin, those too that nobody knows
yet: the watermark says which events there are.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType, structs

from footfall.accounts import may_see, sees_all_customers, visible_products
from footfall.errors import Code, RequestRefused
from footfall.plan import Plan
from footfall.state import Job, User
from footfall.usage import (
    EVERY,
    EventFilter,
    EventSelection,
    compile_selection,
    parse_condition,
    planless_place,
    visible_selection,
)
from footfall.validation import AskedCodes
from footfall.wire import ReportFilter

# The keys of a filter that name customers and products.
SCOPE_KEYS = ("customer", "customers", "product", "products")


def has_scope_columns(wanted: ReportFilter) -> bool:
    """Whether the rows of the file say of which customer and product they are."""
    return wanted.customers is not UNSET or wanted.products is not UNSET


def filter_customers(wanted: ReportFilter) -> tuple[str, ...]:
    """The customers that a filter names; a `*` among several is all."""
    return _names(wanted.customer, wanted.customers)


def filter_products(wanted: ReportFilter) -> tuple[str, ...]:
    """The products that a filter names; a `*` among several is all."""
    return _names(wanted.product, wanted.products)


def select_events(job: Job) -> EventSelection:
    """The events of a report."""
    wanted = job.filter
    parsed = (parse_condition(text) for text in wanted.where or ())
    return EventSelection(
        customers=_all_or(wanted.customer, wanted.customers),
        products=_all_or(wanted.product, wanted.products),
        types=tuple(wanted.types or ()),
        versions=tuple(wanted.versions or ()),
        where=tuple(condition for condition in parsed if condition is not None),
        start=wanted.start,
        end=wanted.end,
        basis=job.basis,
        duplicates=job.duplicates,
        as_of=job.watermark_ms,
    )


def job_filter(job: Job, plan: Plan | None = None, selection: EventSelection | None = None) -> EventFilter:
    """What selects the report's events, or a part of them; the plan says where the keys of its conditions are.

    With the basis `event` the filter's start and end bound the timestamp; with `received`, the time of receipt.
    """
    chosen = select_events(job) if selection is None else selection
    since_ms = -1 if job.since_ms is None else job.since_ms
    return compile_selection(chosen, job.watermark_ms, plan, since_ms)


def missing_key(selection: EventSelection, plan: Plan | None) -> str | None:
    """A key of a condition that no selected product has in this plan; None where all are known."""
    scope = selection.products
    known = {
        column
        for product in (plan.products if plan else ())
        if not scope or product.name in scope
        for column in product.columns
    }
    keys = (condition.key for condition in selection.where)
    return next((key for key in keys if key not in known and planless_place(key) is None), None)


def may_see_report(user: User, wanted: ReportFilter) -> bool:
    """Whether the user may see all customers and products of a report."""
    if wanted.customer is not UNSET and wanted.product is not UNSET:
        return may_see(user, wanted.customer, wanted.product)
    customers, products = _all_or(wanted.customer, wanted.customers), _all_or(wanted.product, wanted.products)
    visible = visible_products(user)
    if visible and not (products and set(products) <= set(visible)):
        return False
    return all(may_see(user, name) for name in customers) if customers else sees_all_customers(user)


def visible_filter(user: User, wanted: ReportFilter) -> ReportFilter:
    """The filter with the customers and products that the user may see for a `*`.

    Raises RequestRefused for any other.
    """
    if wanted.customer is not UNSET and not may_see(user, wanted.customer):
        text = f"you may not see the customer {wanted.customer!r}"
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
    customers, products = wanted.customers or (), _all_or(wanted.product, wanted.products)
    found = visible_selection(user, EventSelection(customers=customers, products=products))
    if wanted.customers is not UNSET:
        wanted = structs.replace(wanted, customers=found.customers or (EVERY,))
    if wanted.products is not UNSET:
        wanted = structs.replace(wanted, products=found.products or (EVERY,))
    return wanted


def asked_codes(wanted: ReportFilter) -> AskedCodes:
    """The codes that the filter names, by their places in a body; a `*` is none."""
    return AskedCodes(
        customers=_places("customer", wanted.customer, wanted.customers),
        products=_places("product", wanted.product, wanted.products),
        types=tuple(wanted.types or ()),
    )


def body_scope(found: Mapping[str, Any]) -> ReportFilter:
    """The customers and products of a filter in a body that was read before."""
    kept = {key: found[key] for key in SCOPE_KEYS if found.get(key) is not None}
    return msgspec.convert(kept, ReportFilter)


def _places(kind: str, one: str | UnsetType, several: tuple[str, ...] | UnsetType) -> dict[str, str]:
    if one is not UNSET:
        return {f"filter.{kind}": one}
    return {f"filter.{kind}s[{at}]": name for at, name in enumerate(several or ()) if name != EVERY}


def _names(one: str | UnsetType, several: tuple[str, ...] | UnsetType) -> tuple[str, ...]:
    return (one,) if one is not UNSET else several or ()


def _all_or(one: str | UnsetType, several: tuple[str, ...] | UnsetType) -> tuple[str, ...]:
    """The names; none where they are all."""
    return (one,) if one is not UNSET else () if not several or EVERY in several else several
