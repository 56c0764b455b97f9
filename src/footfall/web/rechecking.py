"""Answers that took their time are for whoever may have them at their end, not only at their begin.

A statistic may take a minute, a wait for a report nearly one. Meanwhile a user may be removed, get a new password or
lose a customer, and the key may be revoked: then what was found is not told. Streams look by themselves.
"""

import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from footfall.accounts import rights_of
from footfall.errors import Code, RequestRefused
from footfall.web.dependencies import Services
from footfall.web.route import Route

# From so many seconds on an answer is checked again: the look costs one statement, beside which these are nothing.
RECHECKED_AFTER_S: Final = 1.0
# What only reads, although it has a body. An answer to what has changed something must say so.
_READING: Final = frozenset({"POST /reports/estimate"})


def rechecked(entry: Route, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The call, whose late answer is refused when its user has other rights by then."""
    if not entry.signed_in or not (entry.method == "GET" or entry.name in _READING):
        return call

    @functools.wraps(call)
    async def checked(**given: Any) -> Any:
        began_s = time.monotonic()
        answer = await call(**given)
        if time.monotonic() - began_s >= RECHECKED_AFTER_S and "request" in given:
            await _recheck(given["request"].scope, given["services"])
        return answer

    return checked


async def _recheck(scope: Any, services: Services) -> None:
    """Raises Unauthenticated and RequestRefused. A call that a setting opens to everyone has no user."""
    user = scope.get("user")
    if user is not None and rights_of(await services.accounts.renew(user)) != rights_of(user):
        text = "your rights were changed while this was answered; ask again"
        raise RequestRefused(Code.REQUEST_AUTHORIZATION_FAILURE, text)
