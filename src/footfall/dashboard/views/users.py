"""Users, for admins: who may sign in, what they may see, and their passwords."""

import asyncio
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from footfall.accounts import BadUser
from footfall.dashboard.refusals import Fault, bad_input
from footfall.dashboard.views.account import browser
from footfall.dashboard.visit import Redirect, Rendered, Shown, Visit
from footfall.errors import Code, RequestRefused
from footfall.state import LastAdmin, User, UserChange, UserExists

LIST: Final = "/dashboard/users"
ONE: Final = "/dashboard/users/one"
# What a page says was done, by the word that its address has for it.
DONE: Final = ("added", "removed", "password", "rights", "signed_out")


async def show(visit: Visit) -> Shown:
    """All users, and the form for another."""
    return await _list(visit, None)


async def add(visit: Visit) -> Shown:
    """Add a user."""
    form, accounts = visit.form, visit.services.accounts

    def work() -> None:
        accounts.add(
            form.one("id").strip(),
            form.one("password"),
            context=form.one("context").strip(),
            customers=tuple(_customers(visit)),
            admin=bool(form.one("admin")),
            monitor=bool(form.one("monitor")),
        )

    visit.audit_target = form.one("id").strip()
    if fault := await _try(work):
        return await _list(visit, fault)
    return Redirect(f"{ONE}?user={quote(form.one('id').strip(), safe='')}&done=added")


async def show_one(visit: Visit) -> Shown:
    """One user, with what can be changed."""
    return await _one(visit, await _find(visit, visit.address.one("user")), None)


async def change_rights(visit: Visit) -> Shown:
    """Give a user exactly the rights of the form."""
    user, accounts = await _find(visit, visit.form.one("user")), visit.services.accounts
    change = UserChange(
        admin=bool(visit.form.one("admin")),
        monitor=bool(visit.form.one("monitor")),
        context=visit.form.one("context").strip(),
        customers=tuple(_customers(visit)),
    )
    # All of it or nothing: what is refused must not have made anybody an admin.
    if fault := await _try(lambda: accounts.change(user.id, change)):
        return await _one(visit, user, fault)
    return _done(user, "rights")


async def set_password(visit: Visit) -> Shown:
    """Give a user a new password, which ends all sessions of theirs."""
    user, accounts = await _find(visit, visit.form.one("user")), visit.services.accounts
    if fault := await _try(lambda: accounts.password(user.id, visit.form.one("password"))):
        return await _one(visit, user, fault)
    return _done(user, "password")


async def sign_out(visit: Visit) -> Shown:
    """End all sessions of a user, whose password goes on."""
    user = await _find(visit, visit.form.one("user"))
    await visit.services.sessions.end_all(user)
    return _done(user, "signed_out")


async def remove(visit: Visit) -> Shown:
    """Remove a user."""
    user, accounts = await _find(visit, visit.form.one("user")), visit.services.accounts
    if not visit.form.one("sure"):
        raise RequestRefused(Code.REQUEST_INPUT_MALFORMED, "tick the box first: there is no way back")
    if fault := await _try(lambda: accounts.remove(user.id)):
        return await _one(visit, user, fault)
    return Redirect(f"{LIST}?done=removed")


async def _list(visit: Visit, fault: Fault | None) -> Rendered:
    users = await asyncio.to_thread(visit.services.accounts.list)
    values = {
        "users": users,
        "known": visit.services.plan.plan.customers,
        "fault": fault,
        "form": visit.form,
        "done": _said(visit),
    }
    return Rendered("users.html", values, fault.status if fault else 200)


async def _one(visit: Visit, user: User, fault: Fault | None) -> Rendered:
    known = dict.fromkeys([*visit.services.plan.plan.customers, *user.customers])
    values: dict[str, Any] = {
        "one": user,
        "known": list(known),
        "is_self": user.account == visit.user.account,
        "sessions": [(session, browser(session.agent)) for session in await visit.services.sessions.list(user)],
        "fault": fault,
        "done": _said(visit),
    }
    return Rendered("user.html", values, fault.status if fault else 200)


async def _find(visit: Visit, user_id: str) -> User:
    users = await asyncio.to_thread(visit.services.accounts.list)
    found = next((user for user in users if user.id == user_id), None)
    visit.audit_target = user_id
    if found is None:
        raise RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such user")
    return found


async def _try(work: Callable[[], object]) -> Fault | None:
    """Do work that may be refused for what was typed; gives what is shown of that."""
    try:
        await asyncio.to_thread(work)
    except (BadUser, LastAdmin, UserExists) as error:
        return bad_input(str(error))
    return None


def _customers(visit: Visit) -> list[str]:
    """The customers that are ticked, and those that are typed, with commas or blanks between."""
    typed = visit.form.one("more_customers").replace(",", " ").split()
    return list(dict.fromkeys([*visit.form.all("customer"), *typed]))


def _said(visit: Visit) -> str:
    return visit.address.one("done") if visit.address.one("done") in DONE else ""


def _done(user: User, what: str) -> Redirect:
    return Redirect(f"{ONE}?user={quote(user.id, safe='')}&done={what}")
