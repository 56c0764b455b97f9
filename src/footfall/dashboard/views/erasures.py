"""Erasures of persons, for admins: the list, a dry run, the order, and the receipt in words."""

import uuid
from typing import Any, Final

from footfall.dashboard.refusals import Fault, bad_input, fault_of
from footfall.dashboard.texts import text
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.erasure import ErasureShown, ErasureWanted
from footfall.errors import RequestRefused
from footfall.state import ErasureMode

LIST: Final = "/dashboard/erasures"
MODES: Final = tuple(ErasureMode)
# The field of the value: no entry of the audit log has it.
VALUE_FIELD: Final = "person"
# How far the work is, by its step.
_PROGRESS: Final = {"files": 0.2, "store": 0.6, "done": 1.0}


async def show(visit: Visit) -> Shown:
    """All erasures, and the form for another."""
    return await _list(visit, None)


async def look(visit: Visit) -> Shown:
    """What the store has of the person of the form, before anything is ordered."""
    wanted = _wanted(visit)
    try:
        found = await visit.services.erasures.dry_run(wanted)
    except RequestRefused as error:
        return await _list(visit, fault_of(error, visit))
    rows = [("events", one) for one in found.events] + [("quarantined", one) for one in found.quarantined]
    values: dict[str, Any] = {
        "wanted": wanted,
        "where": _where(wanted.customers, wanted.products),
        "rows": rows,
        "total": sum(one.events for _, one in rows),
        "order": str(uuid.uuid4()),
        "value_field": VALUE_FIELD,
    }
    return Rendered("erasure_trial.html", values)


async def order(visit: Visit) -> Shown:
    """Order the erasure of the form, once however often the form is sent, and go to its receipt."""
    wanted = _wanted(visit)
    if not visit.form.one("sure"):
        return await _list(visit, bad_input(text("erasures.trial.not_sure")))
    try:
        ordered = await visit.services.erasures.order(wanted, visit.user.id, visit.form.one("order"))
    except RequestRefused as error:
        return await _list(visit, fault_of(error, visit))
    visit.audit_target = ordered.id
    return Redirect(f"{LIST}/{ordered.id}")


async def show_one(visit: Visit) -> Shown:
    """How far an erasure is, and its receipt."""
    one = await visit.services.erasures.find(visit.request.path_params["erasure"])
    values: dict[str, Any] = {
        "one": one,
        "where": _where(one.customers, one.products),
        "is_done": one.status == "done",
        "progress": _PROGRESS[one.status],
        "is_idle": one.status != "done" and not await visit.services.erasures.are_workers_alive(),
    }
    return Rendered("erasure.html", values)


async def _list(visit: Visit, fault: Fault | None) -> Rendered:
    plan, form = visit.services.plan.plan, visit.form
    values: dict[str, Any] = {
        "erasures": [
            (one, _where(one.customers, one.products), _total(one)) for one in await visit.services.erasures.newest()
        ],
        "keys": sorted({column for product in plan.products for column in product.columns}),
        "known_customers": plan.customers,
        "known_products": [product.name for product in plan.products],
        "modes": [mode.value for mode in MODES],
        "value_field": VALUE_FIELD,
        "form": form,
        "fault": fault,
    }
    return Rendered("erasures.html", values, fault.status if fault else 200)


def _wanted(visit: Visit) -> ErasureWanted:
    form = visit.form
    return ErasureWanted(
        key=form.one("key").strip(),
        value=form.one(VALUE_FIELD),
        pseudonymise=form.one("mode") == ErasureMode.PSEUDONYMISE,
        customers=tuple(form.all("customer")),
        products=tuple(form.all("product")),
    )


def _where(customers: tuple[str, ...], products: tuple[str, ...]) -> str:
    return ", ".join((*customers, *products)) or text("erasures.anywhere")


def _total(one: ErasureShown) -> int | None:
    """The events of the store that were found; None while they are not counted."""
    found = one.receipt.events
    return sum(each.events for each in found) if isinstance(found, tuple) else None
