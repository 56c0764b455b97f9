"""The saved views: saved, listed, removed, and put into the calls that name them."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from footfall.accounts import is_narrowed, may_see, sees_all_customers
from footfall.errors import Code, Problem, RequestRefused
from footfall.settings import Settings
from footfall.state import SavedView, State, TooManyViews, User
from footfall.system.clock import Clock
from footfall.usage import Usage, report_body, visible_selection
from footfall.views.requests import read_view


class ShownView(Struct, frozen=True, kw_only=True):
    """A view. All who may see `customer`, and what it selects, see it; without one, its owner alone.

    `own` says that one may change it.
    """

    id: str
    name: str
    user: str
    customer: str | UnsetType = UNSET
    call: str
    parameters: dict[str, list[str]]
    chart: str
    own: bool
    created: int
    changed: int


class Views:
    """Saves, lists, finds and removes views. Methods block, and raise RequestRefused and StateUnavailable.

    A view of another user's is refused as one that does not exist is.
    """

    def __init__(self, state: State, settings: Settings, clock: Clock, usage: Usage) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._usage = usage

    def save(self, user: User, body: bytes) -> ShownView:
        """Save what the body of `POST /views` says, over the user's view of the same name and customer."""
        wanted = read_view(body, self._settings)
        if wanted.customer and not may_see(user, wanted.customer):
            text = f"you may not see the customer {wanted.customer!r}"
            raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
        check_parameters(self._usage, user, wanted.call, wanted.parameters)
        now_ms = self._clock.now_ms()
        view = SavedView(
            account=user.account,
            user=user.id,
            customer=wanted.customer,
            name=wanted.name,
            call=wanted.call,
            parameters=wanted.parameters,
            chart=wanted.chart,
            created_ms=now_ms,
            changed_ms=now_ms,
        )
        try:
            return _shown(user, self._state.views.put(view, self._settings.views_max))
        except TooManyViews as error:
            text = f"you have {self._settings.views_max:,} views, and may have no more: remove one first"
            raise RequestRefused(Code.REQUEST_RATE_LIMITED, text) from error

    def all(self, user: User) -> list[ShownView]:
        """The user's views and those for all of the customers that they may see, by name."""
        return [_shown(user, view) for view in self._visible(user)]

    def find(self, user: User, name: str) -> SavedView:
        """The view with this id or name; of several with this name, the user's own comes first."""
        by_id = self._state.views.get(name)
        if by_id is not None and self._may_use(user, by_id):
            return by_id
        named = self._visible(user, name) if name else []
        if not named:
            raise no_view()
        if len(named) > 1 and named[0].account != user.account:
            where = ", ".join(sorted(f"{view.id} (of {view.customer})" for view in named[:10]))
            problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "view", f"must be the id of one of: {where}")
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, "several views have this name", (problem,))
        return named[0]

    def show(self, user: User, name: str) -> ShownView:
        """The view with this id or name, as an answer has it."""
        return _shown(user, self.find(user, name))

    def remove(self, user: User, view_id: str) -> ShownView:
        """Remove the view; an admin may remove anyone's."""
        found = self._state.views.get(view_id)
        if found is None or not (user.admin or found.account == user.account):
            raise no_view()
        if not self._state.views.remove(found.id):
            raise no_view()
        return _shown(user, found)

    def fill(self, user: User, given: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """The parameters of a call with those of the view that `view` names, where the call does not have its own."""
        names = [name for name in given.get("view", ()) if name]
        own = {name: values for name, values in given.items() if name != "view" and any(values)}
        if not names:
            return own
        if len(names) > 1:
            problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "view", "must be given once")
            text = "this cannot be counted: one thing is wrong"
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, text, (problem,))
        return {**self.named(user, names[0]).parameters, **own}

    def fill_report(self, user: User, body: bytes, *, timeless: bool = False) -> bytes:
        """The body of a report, an estimate or a schedule with the selection of the view that `view` names.

        What the body's own filter says stays; a `timeless` one takes no times from the view. A body without a view, or
        that is none, is given back as it is.
        """
        try:
            found = msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return body
        own = found.get("filter") if isinstance(found, dict) else []
        own = {} if own is None else own
        if not isinstance(own, dict) or not isinstance(name := found.get("view"), str):
            return body
        view = self.named(user, name)
        selection = visible_selection(user, self._usage.parse(view.call, view.parameters).selection)
        wanted = report_body(selection, 0, self._settings.usage_scope_max)
        named = {each for one in ("customer", "product") if {one, f"{one}s"} & own.keys() for each in (one, f"{one}s")}
        left_out = named | ({"start", "end"} if timeless else set())
        taken = {key: value for key, value in wanted.filter.items() if key not in left_out}
        rest = {key: value for key, value in found.items() if key not in ("view", "filter")}
        return msgspec.json.encode({"duplicates": wanted.duplicates, **rest, "filter": {**taken, **own}})

    def named(self, user: User, name: str) -> SavedView:
        """The view that a parameter or a body names. Raises RequestRefused, where there is none for what names it."""
        try:
            return self.find(user, name)
        except RequestRefused as error:
            if error.code is not Code.REQUEST_NOT_FOUND:
                raise
            problem = Problem(Code.REQUEST_PARAMETER_MALFORMED, "view", "must be the name or the id of a saved view")
            raise RequestRefused(Code.REQUEST_PARAMETER_MALFORMED, error.message, (problem,)) from error

    def _visible(self, user: User, name: str | None = None) -> list[SavedView]:
        customers = None if sees_all_customers(user) else user.customers
        return [view for view in self._state.views.visible(user.account, customers, name) if self._may_use(user, view)]

    def _may_use(self, user: User, view: SavedView) -> bool:
        """Whether the user may know of a view, whose parameters name customers, products and values."""
        own = view.account == user.account
        if not own and not (view.customer and may_see(user, view.customer)):
            return False
        if not is_narrowed(user) and (own or sees_all_customers(user)):
            return True
        try:
            visible_selection(user, self._usage.parse(view.call, view.parameters).selection)
        except RequestRefused as error:
            # Of a view that the plan does not know any more, nobody can tell whose it is.
            return not is_narrowed(user) and error.code is not Code.REQUEST_AUTHORIZATION_FAILURE
        return True


def check_parameters(usage: Usage, user: User, call: str, parameters: Mapping[str, Sequence[str]]) -> None:
    """Raise RequestRefused where the call would refuse these parameters, or the user may not see what they select."""
    question = usage.parse(call, parameters)
    visible_selection(user, question.selection)
    if unknown := [name for name in parameters if name not in question.names]:
        code = Code.REQUEST_PARAMETER_MALFORMED
        problems = tuple(Problem(code, f"parameters.{name[:100]}", f"is not one of {call}'s") for name in unknown[:10])
        raise RequestRefused(code, "the view has unknown parameters", problems)


def no_view() -> RequestRefused:
    """The refusal where there is no such view, or not for this user."""
    return RequestRefused(Code.REQUEST_NOT_FOUND, "there is no such view")


def _shown(user: User, view: SavedView) -> ShownView:
    return ShownView(
        id=view.id,
        name=view.name,
        user=view.user,
        customer=view.customer or UNSET,
        call=view.call,
        parameters=view.parameters,
        chart=view.chart,
        own=view.account == user.account,
        created=view.created_ms,
        changed=view.changed_ms,
    )
